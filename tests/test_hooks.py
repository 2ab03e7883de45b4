""".pre-commit-hooks.yaml: what other repositories run through pre-commit."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pre_commit.clientlib import load_manifest
from typer.testing import CliRunner

from archdsl.cli import app
from tests.helpers import ROOT

MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS: dict[str, dict[str, Any]] = {hook["id"]: hook for hook in load_manifest(str(MANIFEST))}
GOOD = "arch Net {\n  input 8\n  linear 4\n}\n"
UGLY = "arch Net {\n input   8\n linear 4 }\n"
BAD = "arch Net {\n  input 8\n  linear\n}\n"


def pre_commit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", *arguments],
        cwd=folder,
        env={**clean, "PRE_COMMIT_HOME": str(folder / ".cache"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_manifest_is_valid(tmp_path: Path) -> None:
    done = pre_commit(tmp_path, "validate-manifest", str(MANIFEST))
    assert done.returncode == 0, done.stdout


def test_the_hooks_are_of_specs_alone() -> None:
    assert set(HOOKS) == {"archdsl-check", "archdsl-fmt"}
    for hook in HOOKS.values():
        assert hook["language"] == "python"
        assert re.search(hook["files"], "specs/net.arch")
        assert not re.search(hook["files"], "specs/net.archive")


@pytest.mark.parametrize(
    ("hook", "text", "code", "after"),
    [
        ("archdsl-check", GOOD, 0, GOOD),
        ("archdsl-check", BAD, 1, BAD),
        ("archdsl-fmt", GOOD, 0, GOOD),
        ("archdsl-fmt", UGLY, 0, GOOD),  # pre-commit sees that, and fails
        ("archdsl-fmt", "arch {", 1, "arch {"),
    ],
)
def test_the_entries_run(hook: str, text: str, code: int, after: str, tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text(text, encoding="utf-8")
    program, *entry = shlex.split(HOOKS[hook]["entry"])
    assert program == "archdsl"
    result = CliRunner().invoke(app, [*entry, *HOOKS[hook]["args"], str(path)])
    assert result.exit_code == code
    assert path.read_text(encoding="utf-8") == after


def test_pre_commit_runs_them(tmp_path: Path) -> None:
    """As other repositories would, but with this Python instead of one that is installed anew."""
    local = [
        {**hook, "language": "system", "entry": f"{sys.executable} -m {hook['entry']}"}
        for hook in HOOKS.values()
    ]
    config = {"repos": [{"repo": "local", "hooks": local}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(json.dumps(config), encoding="utf-8")
    for name, text in {"good.arch": GOOD, "bad.arch": BAD, "not.txt": BAD}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)
    done = pre_commit(tmp_path, "run", "--all-files")
    assert done.returncode == 1
    assert "bad.arch:3:3: error[E205 missing-argument] linear needs features" in done.stdout
    assert "good.arch:" not in done.stdout and "not.txt" not in done.stdout
    (tmp_path / "bad.arch").write_text(GOOD, encoding="utf-8")
    assert pre_commit(tmp_path, "run", "--all-files").returncode == 0
