"""What git keeps of archdsl, and a wheel holds."""

import subprocess

import pytest

from tests.helpers import ROOT


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no checkout")
@pytest.mark.parametrize("files", ["--cached", "--others"])
def test_no_module_is_ignored(files: str) -> None:
    """A new one would not be kept by git; one that is kept would be left out of the wheel by
    hatchling, and passed over by ruff."""
    command = ["git", "ls-files", files, "--ignored", "--exclude-per-directory=.gitignore"]
    found = subprocess.run(
        [*command, "archdsl/*.py", "specs/*.arch"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == ""
