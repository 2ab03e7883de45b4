"""Findings to mistakes: what is wrong only because of another mistake is left out.

A name that is used in many places and stands for nothing is one mistake. What a line that does not
parse would have defined is not missing. Where braces do not balance, nobody can know what belongs
in which block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from archdsl.definitions import Module
from archdsl.diagnostics import Diagnostic, Findings, Label, Severity, catalogue
from archdsl.diagnostics.suggest import DID_YOU_MEAN, nearest
from archdsl.source import Source, Span
from archdsl.syntax.parse import tokens
from archdsl.words.declaration import TopLevel

MAX_SHOWN = 6
"""Further places of an unknown name that are shown."""

_NAME = re.compile(r"[A-Za-z_]\w*")
_DEFINED = re.compile(r"\b(?:block|arch)\s+([A-Za-z_]\w*)")

_UNKNOWN = (catalogue.UNKNOWN_WORD, catalogue.UNKNOWN_NAME, catalogue.UNKNOWN_ARGUMENT)

_APART_FROM_BLOCKS = (
    catalogue.SYNTAX,
    catalogue.NUMBER,
    catalogue.NESTING,
    catalogue.UNKNOWN_WORD,
    catalogue.UNKNOWN_ARGUMENT,
    catalogue.REPEATED_ARGUMENT,
    catalogue.BAD_ARGUMENT,
    catalogue.MISSING_ARGUMENT,
    catalogue.UNKNOWN_FILE,
    catalogue.USE_CYCLE,
)
"""What is wrong with a statement by itself, in whichever block it stands."""


def mistakes(findings: Findings, module: Module) -> Findings:
    """The findings about a file, and those that it uses, that are no consequences of others."""
    kept = _names_once(findings)
    kept = _without_what_did_not_parse(kept)
    for source in _sources(finding for finding in kept if finding.rule is catalogue.SYNTAX):
        unclosed, extra = _unbalanced(source)
        if unclosed or extra:
            kept = _without_blocks(kept, source, module, needs_block=extra > 0)
    return kept


def _sources(findings: Iterable[Diagnostic]) -> dict[Source, None]:
    return {finding.primary.span.source: None for finding in findings if finding.primary}


def _text(finding: Diagnostic) -> str:
    return finding.primary.span.text if finding.primary else ""


def _line(finding: Diagnostic) -> str:
    if finding.primary is None:
        return ""
    return finding.primary.span.source.line(finding.primary.span.line)


def _names_once(findings: Findings) -> Findings:
    """Of all uses of an unknown name the first, with the places of the others."""
    groups: dict[tuple[Severity, str], list[Diagnostic]] = {}
    for finding in findings.sorted():
        if finding.rule in _UNKNOWN:
            groups.setdefault((finding.severity, _text(finding)), []).append(finding)
    told: dict[int, Diagnostic] = {}
    for first, *others in groups.values():
        labels = [Label(other.primary.span, "and here") for other in others if other.primary]
        shown = first.beside(tuple(labels[:MAX_SHOWN]))
        if len(labels) > MAX_SHOWN:
            note = f"and in {len(labels) - MAX_SHOWN:,} more places"
            shown = shown._replace(notes=(*shown.notes, note))
        told[id(first)] = shown
    return Findings(
        told.get(id(finding), finding)
        for finding in findings
        if finding.rule not in _UNKNOWN or id(finding) in told
    )


def _without_what_did_not_parse(findings: Findings) -> Findings:
    """Without the unknown names that a wrong line defines, or a file whose `use` is wrong."""
    broken = [f.primary.span for f in findings if f.rule is catalogue.SYNTAX and f.primary]
    lines = {line for span in broken for line in _lines(span)}
    defined = {name for line in lines for name in _NAME.findall(line)}
    uses = any(line.split()[:1] == ["use"] for line in lines)
    labels = {
        _text(finding)
        for finding in findings
        if finding.rule in (catalogue.BAD_LABEL, catalogue.REPEATED)
    }

    def follows(finding: Diagnostic) -> bool:
        name = _text(finding)
        if finding.rule not in _UNKNOWN or _line(finding) in lines:
            return False
        if name in defined or (uses and not _means_another(finding)):
            return True
        return finding.rule is catalogue.UNKNOWN_NAME and nearest(name, labels) is not None

    return Findings(finding for finding in findings if not follows(finding))


def _lines(span: Span) -> Iterator[str]:
    """The line of a place, and those where the blocks were opened that are closed before it."""
    source, number = span.source, span.line
    yield source.line(number)
    if source.line(number).lstrip().startswith("}"):
        opened: list[int] = []
        for token in tokens(source.text[: span.start]):
            if token.type == "LBRACE":
                opened.append(token.start_pos or 0)
            elif token.type == "RBRACE" and opened:
                last = opened.pop()
                if source.position(token.start_pos or 0)[0] == number:
                    yield source.line(source.position(last)[0])


def _means_another(finding: Diagnostic) -> bool:
    return any(line.startswith(DID_YOU_MEAN) for line in finding.help)


def _unbalanced(source: Source) -> tuple[int, int]:
    """How many blocks of a text are not closed, and how many braces close nothing."""
    depth = extra = 0
    for token in tokens(source.text):
        if token.type == "LBRACE":
            depth += 1
        elif token.type == "RBRACE":
            extra += depth == 0
            depth = max(0, depth - 1)
    return depth, extra


def _uncertain(source: Source) -> tuple[int, int]:
    """Where nobody can know what belongs in which block of a text whose braces do not balance.

    From the start of a block of the file that is not closed to the end; else from that of the block
    before a brace that closes nothing to the next one after it that begins a line. What stands
    before and after is as it was meant.
    """
    depth = 0
    begins, start = True, 0
    stray: int | None = None
    """Where the block begins that stands before a brace that closes nothing."""
    for token in tokens(source.text):
        place = token.start_pos or 0
        if begins and depth == 0 and token in TopLevel.words:
            if stray is not None:
                return stray, place
            start = place
        if token.type == "LBRACE":
            depth += 1
        elif token.type == "RBRACE" and depth == 0 and stray is None:
            stray = start
        elif token.type == "RBRACE":
            depth = max(0, depth - 1)
        begins = token.type == "_SEP" and depth == 0
    return (start if stray is None else stray), len(source.text) + 1


def _hidden(source: Source) -> tuple[int, int]:
    """What is uncertain in a text: all of it, if the rest names what is defined in that part."""
    start, end = _uncertain(source)
    rest = set(_NAME.findall(source.text[:start] + source.text[end:]))
    if rest & set(_DEFINED.findall(source.text[start:end])):
        return 0, len(source.text) + 1
    return start, end


def _without_blocks(
    findings: Findings, source: Source, module: Module, needs_block: bool
) -> Findings:
    """Without what hangs on the blocks of a text where its braces do not balance, but for one
    finding: the statement whose brace is missing, or else the brace that has no partner."""
    start, end = _hidden(source)
    own = [
        finding
        for finding in findings.sorted()
        if finding.primary
        and finding.primary.span.source is source
        and start <= finding.primary.span.start < end
    ]
    lacking = [f for f in own if f.rule is catalogue.MISSING_ARGUMENT and _lacks_block(f)]
    braces = [f for f in own if f.rule is catalogue.SYNTAX and _text(f) in ("{", "}")]
    braces.sort(key=lambda finding: bool(finding.primary and finding.primary.text))
    culprit = (lacking if needs_block and lacking else braces or lacking)[:1]
    at_fault = {_line(finding) for finding in culprit}
    on_its_line = [f for f in own if f.rule is catalogue.SYNTAX and _line(f) in at_fault]
    inside = set(map(id, own)) - set(map(id, culprit))
    about_braces = set(map(id, (*lacking, *braces, *on_its_line)))
    written = set(_DEFINED.findall(source.text))
    written |= module.visible.blocks.keys()

    def stays(finding: Diagnostic) -> bool:
        if id(finding) not in inside:
            return True
        if id(finding) in about_braces:
            return False
        if finding.rule is catalogue.UNKNOWN_WORD:
            return _text(finding) not in written
        return finding.rule in _APART_FROM_BLOCKS

    return Findings(finding for finding in findings if stays(finding))


def _lacks_block(finding: Diagnostic) -> bool:
    """Whether a statement has fewer blocks than its word needs."""
    return " block" in finding.message
