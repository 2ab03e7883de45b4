"""Workflow commands, read back as GitHub's runner reads them."""

from __future__ import annotations

import re

from archdsl.diagnostics import Edit, Fix, at, catalogue
from archdsl.diagnostics.diagnostic import Diagnostic, Severity
from archdsl.diagnostics.github import command
from archdsl.source import Source, Span


def test_a_command() -> None:
    source = Source("a,b:100%.arch", "first\n  conv bad\n")
    place = Span(source, 13, 16)
    finding = at(
        catalogue.WRONG_CLAIM, place, "1, not: 2", notes=("0.8 % more",), help=("mend it",)
    )
    finding = finding._replace(fixes=(Fix("pad=2", (Edit(place, "good"),), "as is usual"),))
    assert command(finding) == (
        "::error file=a%2Cb%3A100%25.arch,line=2,col=8,endLine=2,endColumn=11,"
        "title=E402 wrong-claim::1, not: 2%0A= 0.8 %25 more%0Ahelp: mend it:%0A"
        "  1  pad=2   as is usual"
    )


def test_a_warning() -> None:
    finding = at(catalogue.LOSSY_STRIDE, Span(Source("a.arch", "bad"), 0, 3), "message")
    warning = command(finding._replace(level=Severity.WARNING))
    assert warning.startswith("::warning file=a.arch,")


def test_a_place_over_lines_has_no_columns() -> None:
    finding = at(catalogue.SYNTAX, Span(Source("a.arch", "one\ntwo"), 1, 6), "message")
    assert command(finding) == "::error file=a.arch,line=1,endLine=2,title=E101 syntax::message"


def test_a_file_without_a_place_and_a_command_line() -> None:
    file = Diagnostic(catalogue.UNREADABLE_FILE, "cannot read", None, "a.arch")
    assert command(file) == "::error file=a.arch,title=E001 unreadable-file::cannot read"
    option = Diagnostic(catalogue.BAD_OVERRIDE, "--set a", None, "--set")
    assert command(option) == "::error title=E211 bad-override::--set a"


def test_nothing_in_a_name_or_a_message_begins_a_command_of_its_own() -> None:
    name, message = "a\r\n::stop-commands::x\x1b.arch", "b\n::set-output name=x::y\x1b"
    printed = command(Diagnostic(catalogue.UNREADABLE_FILE, message, None, name))
    assert not re.search(r"[\r\n\x1b]", printed)
    assert printed.count("::") == 2 + message.count("::")
