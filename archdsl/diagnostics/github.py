"""The view for GitHub's workflows: commands on standard output that become annotations of a commit.

The form is that of GitHub's documentation, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.diagnostics.render import advice, is_of_a_file
from archdsl.styled import plain, visible


def command(diagnostic: Diagnostic) -> str:
    """`::error file=net.arch,line=9,…,title=E301 lossy-stride::headline, arithmetic and help`."""
    properties = ",".join(f"{key}={_property(value)}" for key, value in _properties(diagnostic))
    lines = [visible(diagnostic.message), *(plain(line)[1:] for line in advice(diagnostic))]
    message = _data("\n".join(lines))
    return f"::{diagnostic.severity.value} {properties}::{message}"


def _properties(diagnostic: Diagnostic) -> Iterator[tuple[str, str]]:
    """Where it is: lines and columns count from 1, ends are exclusive.

    An annotation has columns only where it lies in one line.
    """
    if is_of_a_file(diagnostic):
        yield "file", visible(diagnostic.file)
    if diagnostic.primary is not None:
        span = diagnostic.primary.span
        line, column = span.source.position(span.start)
        end_line, end_column = span.source.position(span.end)
        yield "line", str(line)
        if line == end_line:
            yield "col", str(column)
        yield "endLine", str(end_line)
        if line == end_line:
            yield "endColumn", str(end_column)
    yield "title", f"{diagnostic.rule.code} {diagnostic.rule.name}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
