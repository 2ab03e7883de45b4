"""The view for code scanning: a log in SARIF 2.1.0, by whose sections the numbers here are.

OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from archdsl.diagnostics import catalogue
from archdsl.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Rule
from archdsl.diagnostics.render import advice, is_of_a_file
from archdsl.source import Source, Span
from archdsl.styled import plain, visible

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def log(diagnostics: Iterable[Diagnostic], version: str, exit_code: int) -> dict[str, Any]:
    """The log of one run of this `version` of the compiler, which ends with `exit_code`."""
    found = list(diagnostics)
    driver = {"name": "archdsl", "version": version, "rules": list(map(_rule, catalogue.RULES))}
    invocation = {
        "executionSuccessful": not any(diagnostic.rule.fatal for diagnostic in found),
        "exitCode": exit_code,
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        # A lone carriage return ends a line, as in a file of an old Mac.
        "newlineSequences": ["\r\n", "\n", "\r"],
        "results": list(_results(found)),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": _message(rule.meaning),
        "fullDescription": _message(f"{rule.text}\n{rule.why}"),
        "help": _message(rule.remedy),
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _results(diagnostics: list[Diagnostic]) -> Iterator[dict[str, Any]]:
    index = {rule.code: number for number, rule in enumerate(catalogue.RULES)}
    seen: Counter[str] = Counter()
    for diagnostic in diagnostics:
        lines = (plain(line)[1:] for line in advice(diagnostic))
        text = "\n".join((diagnostic.message, *lines))
        result = {
            "ruleId": diagnostic.rule.code,
            "ruleIndex": index[diagnostic.rule.code],
            "level": diagnostic.severity.value,
            "message": _message(text),
            **_places(diagnostic),
        }
        if diagnostic.primary is not None:
            statement = _fingerprint(diagnostic.rule, diagnostic.primary.span)
            seen[statement] += 1
            result["partialFingerprints"] = {"statement/v1": f"{statement}:{seen[statement]}"}
        if diagnostic.fixes:
            result["fixes"] = list(map(_fix, diagnostic.fixes))
        yield result


def _places(diagnostic: Diagnostic) -> dict[str, Any]:
    """The place to blame, and the others; a file as a whole; none for a command line."""
    if not is_of_a_file(diagnostic):
        return {}
    if diagnostic.primary is None:
        whole = {"artifactLocation": _artifact(diagnostic.file)}
        return {"locations": [{"physicalLocation": whole}]}
    related = [
        {"id": number, **_location(label)} for number, label in enumerate(diagnostic.secondary, 1)
    ]
    return {
        "locations": [_location(diagnostic.primary)],
        **({"relatedLocations": related} if related else {}),
    }


def _location(label: Label) -> dict[str, Any]:
    span = label.span
    place = {"artifactLocation": _artifact(span.source.name), "region": _region(span)}
    message = {"message": _message(label.text)} if label.text else {}
    return {"physicalLocation": place, **message}


def _region(span: Span) -> dict[str, int]:
    """Lines and columns from 1, the end exclusive; an empty region is a place to insert (3.30)."""
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _artifact(name: str) -> dict[str, str]:
    """A file by its URI: relative to where the command ran if the name is (3.4.3)."""
    path = Path(name)
    return {"uri": path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))}


def _fix(fix: Fix) -> dict[str, Any]:
    by_file: dict[Source, list[Edit]] = {}
    for edit in fix.edits:
        by_file.setdefault(edit.span.source, []).append(edit)
    return {
        "description": _message(f"{fix.title}: {fix.remark}" if fix.remark else fix.title),
        "artifactChanges": [
            {
                "artifactLocation": _artifact(source.name),
                "replacements": list(map(_replacement, edits)),
            }
            for source, edits in by_file.items()
        ],
    }


def _replacement(edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.replacement}}


def _fingerprint(rule: Rule, span: Span) -> str:
    """What stays when lines are moved or aligned anew: the rule, and the text of the line."""
    text = " ".join(span.source.line(span.line).split())
    return sha256(f"{rule.code} {text}".encode(errors="replace")).hexdigest()


def _message(text: str) -> dict[str, str]:
    """A message: braces are doubled, as single ones would hold the place of arguments (3.11.5)."""
    text = "\n".join(map(visible, text.split("\n")))
    return {"text": text.replace("{", "{{").replace("}", "}}")}
