"""A recipe with some of its lines said anew, as a command says them for one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archdsl.definitions import Definition
from archdsl.diagnostics import Findings, at, catalogue
from archdsl.lower.draft import Draft, Line
from archdsl.lower.expand import Expander
from archdsl.lower.read import Drafter, restate
from archdsl.lower.recipe import recipe
from archdsl.lower.variants import Editor
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.parse import parse
from archdsl.words.arithmetic import Quantity
from archdsl.words.bind import check_form, find
from archdsl.words.edit import Edit
from archdsl.words.recipe import Recipe, Setting


def restated(
    arch: Definition,
    overrides: Mapping[str, Quantity],
    stages: set[str],
    lines: Sequence[Source],
    findings: Findings,
) -> Recipe | None:
    """The recipe of an arch without errors, with these lines; None, with findings, if one is wrong.

    A line of a `train` block takes the place of the arch's own; `set optimizer lr=0.1` changes an
    argument of it, or of the default where the arch has no such line, and `remove schedule` leaves
    the default.
    """
    expander = Expander(Findings())
    draft = Drafter(overrides, expander, Findings()).draft(arch)
    assert draft is not None
    for source in lines:
        statements = parse(source, findings).statements
        if not source.text.strip():
            end = Span(source, 0, 0)
            help = ("write a line of a train block, such as  batch 64",)
            findings.append(at(catalogue.MISSING_ARGUMENT, end, "the line is empty", help=help))
        for statement in statements:
            _restate(draft, statement, Editor(draft, expander, findings), findings)
    found, _ = recipe(draft.settings, stages, findings)
    return found if not findings else None


def _restate(draft: Draft, statement: tree.Statement, editor: Editor, findings: Findings) -> None:
    """Let one line change a draft's recipe."""
    if not statement.word.text:
        return  # did not parse, and is reported
    cls = find(statement.word, (Setting, Edit), findings)
    if cls is None or not check_form(statement, cls, findings):
        return
    if issubclass(cls, Setting):
        restate(draft, [Line(statement, draft.scope)])
        return
    target = statement.arguments[0].span.text if statement.arguments else ""
    if statement.arguments and not _has(draft, target):
        findings.append(
            at(
                catalogue.UNKNOWN_NAME,
                statement.arguments[0].span,
                f"{draft.definition.name.text}'s recipe has no line '{target}' to be changed",
                help=(_lines_of(draft),),
            )
        )
        return
    editor.edit(cls, statement)


def _lines_of(draft: Draft) -> str:
    """Help for a line that is not there."""
    own = dict.fromkeys(line.word for line in draft.settings)
    return f"it has {', '.join(own) or 'none'}, and the defaults; --set sets a parameter"


def _has(draft: Draft, word: str) -> bool:
    """Whether a recipe has a line of that word; it gets the default, if there is one."""
    if any(word == line.word for line in draft.settings):
        return True
    cls = Setting.words.get(word)
    if cls is None or not issubclass(cls, Setting) or cls.repeatable:
        return False
    default = getattr(Recipe(), word)
    given = default.model_dump(exclude_unset=True) if isinstance(default, Setting) else {}
    phrase = default.phrase() if isinstance(default, Setting) else word
    text = " ".join([phrase, *(f"{name}={value}" for name, value in given.items())])
    statements = parse(Source("the defaults", text), Findings()).statements
    draft.settings = [*draft.settings, *(Line(each, draft.scope) for each in statements)]
    return True
