"""Logs for code scanning, held against the schema of SARIF 2.1.0.

The schema is sarif-2.1.0.json of the npm package @microsoft/sarif-multitool-linux 5.7.0, under the
MIT licence: see sarif-2.1.0.LICENSE.txt.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema
import pytest

from archdsl.compiler import compile_bytes, compile_file
from archdsl.diagnostics import Edit, Fix, Label, at, catalogue
from archdsl.diagnostics.diagnostic import Diagnostic, Severity
from archdsl.diagnostics.sarif import log
from archdsl.source import Source, Span
from tests.helpers import ROOT, SPECS

SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def run(*diagnostics: Diagnostic, exit_code: int = 1) -> dict[str, Any]:
    """The one run of a log that the schema allows, as a program reads it."""
    document = json.loads(json.dumps(log(diagnostics, "1.2.3", exit_code)))
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    (only,) = document["runs"]
    assert isinstance(only, dict)
    return only


def result(diagnostic: Diagnostic) -> dict[str, Any]:
    (only,) = run(diagnostic)["results"]
    assert isinstance(only, dict)
    return only


def uri(name: str) -> str:
    finding = Diagnostic(catalogue.UNREADABLE_FILE, "cannot read it", None, name)
    (location,) = result(finding)["locations"]
    assert list(location["physicalLocation"]) == ["artifactLocation"]  # no region: it has no text
    found = location["physicalLocation"]["artifactLocation"]["uri"]
    assert isinstance(found, str)
    return found


@pytest.fixture
def finding() -> Diagnostic:
    source = Source("dir/net.arch", "first\n  畳\U0001f642 bad\nlast\n")
    start = source.text.index("bad")
    return at(catalogue.LOSSY_STRIDE, Span(source, start, start + 3), "the headline")


def test_the_schema_rejects_what_is_not_of_it(finding: Diagnostic) -> None:
    document = log([finding], "1", 1)
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert list(VALIDATOR.iter_errors(document))


def test_a_run_says_who_made_it_and_how_it_ended(finding: Diagnostic) -> None:
    found = run(finding)
    assert (found["tool"]["driver"]["name"], found["tool"]["driver"]["version"]) == (
        "archdsl",
        "1.2.3",
    )
    assert found["invocations"] == [{"executionSuccessful": True, "exitCode": 1}]
    assert found["columnKind"] == "unicodeCodePoints"
    assert run(exit_code=0)["results"] == []
    fatal = Diagnostic(catalogue.NOT_TEXT, "not text", None, "a.arch")
    assert run(fatal, exit_code=2)["invocations"] == [{"executionSuccessful": False, "exitCode": 2}]


def test_every_rule_is_described() -> None:
    rules = run()["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in catalogue.RULES]
    lossy = next(rule for rule in rules if rule["id"] == "E301")
    assert lossy["name"] == "lossy-stride"
    assert lossy["shortDescription"]["text"] == catalogue.LOSSY_STRIDE.meaning
    assert lossy["fullDescription"]["text"].startswith(catalogue.LOSSY_STRIDE.text)
    assert lossy["fullDescription"]["text"].endswith(catalogue.LOSSY_STRIDE.why)
    assert lossy["help"]["text"] == catalogue.LOSSY_STRIDE.remedy
    assert lossy["defaultConfiguration"] == {"level": "error"}


def test_a_result(finding: Diagnostic) -> None:
    found = result(finding._replace(notes=("54.25",), help=("mend it",), level=Severity.WARNING))
    assert catalogue.RULES[found["ruleIndex"]].code == found["ruleId"] == "E301"
    assert found["level"] == "warning"
    assert found["message"] == {"text": "the headline\n= 54.25\nhelp: mend it"}
    (location,) = found["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "dir/net.arch"},
        # Columns are characters, of which the emoji is one though UTF-16 has two for it.
        "region": {"startLine": 2, "startColumn": 6, "endLine": 2, "endColumn": 9},
    }
    assert "relatedLocations" not in found and "fixes" not in found


def test_secondary_labels_are_related_locations(finding: Diagnostic) -> None:
    other = Source("blocks.arch", "one\ntwo")
    labels = (Label(Span(other, 0, 7), "used here"), Label(Span(other, 7, 7)))
    related = result(finding._replace(secondary=labels))["relatedLocations"]
    assert related == [
        {
            "id": 1,
            "physicalLocation": {
                "artifactLocation": {"uri": "blocks.arch"},
                "region": {"startLine": 1, "startColumn": 1, "endLine": 2, "endColumn": 4},
            },
            "message": {"text": "used here"},
        },
        {
            "id": 2,
            "physicalLocation": {
                "artifactLocation": {"uri": "blocks.arch"},
                "region": {"startLine": 2, "startColumn": 4, "endLine": 2, "endColumn": 4},
            },
        },
    ]


def test_fixes_group_their_edits_by_file(finding: Diagnostic) -> None:
    assert finding.primary is not None
    other = Source("blocks.arch", "one two")
    edits = (
        Edit(Span(other, 0, 3), "1"),
        Edit(finding.primary.span, "good"),
        Edit(Span(other, 7, 7), " three"),
    )
    fixes = (Fix("three edits", edits, "as is usual"), Fix("pad=2", edits[1:2]))
    found = result(finding._replace(fixes=fixes))["fixes"]
    assert [fix["description"]["text"] for fix in found] == ["three edits: as is usual", "pad=2"]
    first, second = found[0]["artifactChanges"]
    assert first["artifactLocation"] == {"uri": "blocks.arch"}
    assert first["replacements"] == [
        {
            "deletedRegion": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 4},
            "insertedContent": {"text": "1"},
        },
        {
            "deletedRegion": {"startLine": 1, "startColumn": 8, "endLine": 1, "endColumn": 8},
            "insertedContent": {"text": " three"},
        },
    ]
    assert second["artifactLocation"] == {"uri": "dir/net.arch"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("specs/a.arch", "specs/a.arch"),
        ("../a.arch", "../a.arch"),
        ("a b#c?d%e.arch", "a%20b%23c%3Fd%25e.arch"),
        ("a:b.arch", "a%3Ab.arch"),  # else a would be a scheme
        ("畳.arch", "%E7%95%B3.arch"),
        ("\udcff.arch", "%FF.arch"),  # a name that is no UTF-8, as Python gives it
        ("<stdin>", "%3Cstdin%3E"),
    ],
)
def test_relative_names_are_relative_references(name: str, expected: str) -> None:
    found = uri(name)
    assert found == expected
    assert unquote(urlsplit(found).path, errors="surrogateescape") == name
    assert not urlsplit(found).scheme


def test_absolute_names_are_file_uris(tmp_path: Path) -> None:
    found = urlsplit(uri(str(tmp_path / "a b.arch")))
    assert found.scheme == "file"
    assert unquote(found.path) == str(tmp_path / "a b.arch")


def test_the_command_line_is_no_file() -> None:
    found = result(Diagnostic(catalogue.BAD_OVERRIDE, "--set a", None, "--set"))
    assert "locations" not in found


def test_braces_are_doubled_and_control_characters_shown(finding: Diagnostic) -> None:
    found = result(finding._replace(message="this '{' \x1b[31m {0}"))
    assert found["message"]["text"] == "this '{{' ␦[31m {{0}}"


def test_a_fingerprint_stays_when_lines_move_or_are_aligned() -> None:
    def fingerprints(text: str) -> list[str]:
        found = run(*compile_bytes(text.encode(), "a.arch").diagnostics)["results"]
        return [result["partialFingerprints"]["statement/v1"] for result in found]

    before = "arch Net {\n  input 3x8x8\n  conv 8 3x3 strid=2\n  dropout 2\n  dropout 2\n}\n"
    after = "# moved\n" + before.replace("conv 8 3x3 ", "conv 8   3x3   ")
    assert len(set(fingerprints(before))) == 3
    assert fingerprints(before) == fingerprints(after)
    changed = fingerprints(before.replace("strid=", "strde="))
    assert changed[0] != fingerprints(before)[0] and changed[1:] == fingerprints(before)[1:]


CASES = sorted((ROOT / "tests" / "cases" / "invalid").glob("*.arch"))


@pytest.mark.parametrize(
    "read",
    [
        lambda: [d for path in CASES for d in compile_bytes(path.read_bytes(), "c").diagnostics],
        lambda: compile_file(SPECS / "alexnet_224.arch").diagnostics,
        lambda: compile_file(Path("missing.arch")).diagnostics,
    ],
    ids=["cases", "alexnet", "missing"],
)
def test_all_that_is_found_is_valid(read: Callable[[], list[Diagnostic]]) -> None:
    found = list(read())
    results = run(*found)["results"]
    assert [result["ruleId"] for result in results] == [d.rule.code for d in found]
