"""A recipe with some of its lines said anew, as a command says them for one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archdsl.definitions import Definition
from archdsl.diagnostics import Diagnostic, Findings, at, catalogue
from archdsl.diagnostics.suggest import did_you_mean
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
from archdsl.words.edit import Edit, Set
from archdsl.words.recipe import Recipe, Setting
from archdsl.words.word import Word


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
    if statement.arguments and not any(target == line.word for line in draft.settings):
        default = _default(target)
        if default is None:
            findings.append(
                at(
                    catalogue.UNKNOWN_NAME,
                    statement.arguments[0].span,
                    f"{draft.definition.name.text}'s recipe has no line '{target}' to be changed",
                    help=(_lines_of(draft),),
                )
            )
            return
        if issubclass(cls, Set) and (unfit := _unfit(default, statement)) is not None:
            findings.append(unfit)
            return
        said = parse(Source("the defaults", default.text), Findings()).statements
        draft.settings = [*draft.settings, *(Line(each, draft.scope) for each in said)]
    editor.edit(cls, statement)


def _lines_of(draft: Draft) -> str:
    """Help for a line that is not there."""
    own = dict.fromkeys(line.word for line in draft.settings)
    return f"it has {', '.join(own) or 'none'}, and the defaults; --set sets a parameter"


class _Default(NamedTuple):
    """What a recipe without a line of a word goes by, as a line."""

    family: type[Word]
    """What the line begins with: schedule."""
    word: type[Word]
    """What it is of: constant."""
    text: str


def _default(word: str) -> _Default | None:
    """The line of that word that is not written; None where there is none."""
    cls = Setting.words.get(word)
    if cls is None or not issubclass(cls, Setting) or cls.repeatable:
        return None
    value = getattr(Recipe(), word)
    if not isinstance(value, Setting):  # a number, or nothing: what is set makes the line
        return _Default(cls, cls, word)
    given = value.model_dump(exclude_unset=True)
    arguments = [f"{name}={argument}" for name, argument in given.items()]
    return _Default(cls, type(value), " ".join([value.phrase(), *arguments]))


def _unfit(default: _Default, statement: tree.Statement) -> Diagnostic | None:
    """What is wrong with a `set` of arguments that the default does not take, if it is that.

    Such as `set schedule warmup=3`: the default is constant, and cosine was meant.
    """
    given = [argument for argument in statement.arguments if argument.key is not None]
    keys = [argument.key for argument in given if argument.key is not None]
    unknown = next((key for key in keys if key.text not in default.word.arguments()), None)
    if unknown is None:
        return None
    family = default.family.words.values() if default.family.is_family else (default.family,)
    lines = []
    for word in family:
        takes = word.arguments()
        if all(key.text in takes for key in keys):
            said = {key.text for key in keys}
            needed = [name for name, kind in takes.items() if kind.required and name not in said]
            text = [argument.span.text for argument in given]
            lines.append(" ".join([word.phrase(), *needed, *text]))
    known = [name for word in family for name in word.arguments()]
    return at(
        catalogue.UNKNOWN_ARGUMENT,
        unknown.span,
        f"{default.word.phrase()}, the default, has no argument '{unknown.text}'",
        help=(f"write  {'  or  '.join(lines)}",) if lines else did_you_mean(unknown.text, known),
    )
