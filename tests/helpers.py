"""What several tests use."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from typer.testing import CliRunner, Result

from archdsl.analysis import Analysis
from archdsl.cli import app
from archdsl.compiler import Compilation, compile_bytes
from archdsl.diagnostics import Severity, catalogue
from archdsl.diagnostics.levels import Levels

ROOT = Path(__file__).parent.parent
SPECS = ROOT / "specs"
GOLDEN = ROOT / "tests" / "golden"


NO_LINTS = Levels({rule: None for rule in catalogue.RULES if rule.severity is Severity.WARNING})
"""What tests build is seldom a network that anybody would train; the lints have their own."""


def compiled(text: str, **parameters: int) -> Compilation:
    """A spec's text, compiled, without lints."""
    return compile_bytes(text.encode(), "spec.arch", parameters, levels=NO_LINTS)


def network(body: str, header: str = "Net") -> str:
    """The text of an arch with the given statements."""
    lines = "\n".join(f"  {line}" for line in body.strip().splitlines())
    return f"arch {header} {{\n{lines}\n}}\n"


def analysed(body: str, header: str = "Net") -> Analysis:
    """An arch that has no errors, analysed."""
    result = compiled(network(body, header))
    assert result.ok, [d.message for d in result.diagnostics]
    return result.archs[0]


def messages(body: str, header: str = "Net") -> list[str]:
    """The code and the headline of everything that is wrong with an arch."""
    found = compiled(network(body, header)).diagnostics
    return [f"{d.rule.code} {d.message}" for d in found]


def assert_golden(path: Path, text: str) -> None:
    """The text is the golden file's. ARCHDSL_UPDATE_GOLDENS=1 writes it anew, to be reviewed."""
    if os.environ.get("ARCHDSL_UPDATE_GOLDENS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def commands(console: str) -> Iterator[tuple[str, str]]:
    """Each `$ archdsl …` of a console block, without those two words, with the output beneath."""
    before, *parts = re.split(r"^\$ archdsl ", console, flags=re.MULTILINE)
    assert not before, f"no command that a test can run: {before}"
    for part in parts:
        command, _, output = part.partition("\n")
        yield command, output


def assert_prints(command: str, shown: str) -> Result:
    """A command of archdsl prints what a document shows: a line `…` is any number of lines."""
    result = CliRunner().invoke(app, shlex.split(command))
    parts = [part.strip("\n") for part in re.split(r"^…$", shown, flags=re.MULTILINE)]
    pattern = ".*?".join(f"^{re.escape(part)}$" if part else "" for part in parts)
    assert re.fullmatch(rf"\s*{pattern}\s*", result.output, re.DOTALL | re.MULTILINE), result.output
    return result
