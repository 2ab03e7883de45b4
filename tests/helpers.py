"""What several tests use."""

from __future__ import annotations

import os
from pathlib import Path

from archdsl.analysis import Analysis
from archdsl.compiler import Compilation, compile_bytes

ROOT = Path(__file__).parent.parent
SPECS = ROOT / "specs"
GOLDEN = ROOT / "tests" / "golden"


def compiled(text: str, **parameters: int) -> Compilation:
    """A spec's text, compiled."""
    return compile_bytes(text.encode(), "spec.arch", parameters)


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
