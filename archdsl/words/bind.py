"""Statement to word: arguments bound to a class's fields, every mistake at its own place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Generic, NamedTuple, TypeVar, cast

from pydantic import ValidationError

from archdsl.diagnostics import Diagnostic, Findings, Label, Rule, at, catalogue
from archdsl.diagnostics.suggest import did_you_mean, nearest
from archdsl.shape import Misfit, Shape, Window
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.words.arithmetic import Parameters, Unfit, number, unfit, unknown_parameter
from archdsl.words.word import NO_FIT, Amount, Kind, Quoted, Reference, Word

MAX_TAKERS = 4
"""Words that are named as those that take an argument."""

W_co = TypeVar("W_co", bound=Word, covariant=True)


class Bound(NamedTuple, Generic[W_co]):
    """A word with the statement that it came from, so that what is said of it has a place."""

    word: W_co
    statement: tree.Statement
    arguments: Mapping[str, Span]
    """Where each argument that was written stands, by field."""
    context: tuple[Label, ...] = ()
    """How the statement came to be here: the use of its block, the edit of a variant."""
    edit: Span | None = None
    """The edit of a variant that made it what it is."""

    @property
    def origin(self) -> Span:
        """Where it was made what it is: the statement, or the variant's edit of it."""
        return self.edit or self.statement.head

    def span(self, field: str | None) -> Span:
        """An argument's place, else that of the word and all its arguments."""
        return self.arguments.get(field or "", self.statement.head)

    def diagnose(self, misfit: Misfit, name: str, secondary: Sequence[Label] = ()) -> Diagnostic:
        """A misfit of this word, where `name` is what its layer is called."""
        return at(
            misfit.rule,
            self.span(misfit.field),
            misfit.message.replace("{layer}", name),
            label=misfit.label,
            secondary=tuple(secondary),
            notes=misfit.notes,
            help=misfit.help,
        ).beside(self.context)


def bind(
    statement: tree.Statement,
    families: Sequence[type[Word]],
    parameters: Parameters,
    findings: Findings,
) -> Bound[Word] | None:
    """The word of a statement, looked up in `families`; None, with findings, where it is wrong."""
    cls = find(statement.word, families, findings)
    if cls is None or not check_form(statement, cls, findings):
        return None
    return bind_as(cls, statement, parameters, findings)


def bind_as(
    cls: type[W_co],
    statement: tree.Statement,
    parameters: Parameters,
    findings: Findings,
    context: tuple[Label, ...] = (),
) -> Bound[W_co] | None:
    """The statement as a word of this class, or of this family; None, with findings, if wrong."""
    arguments = statement.arguments
    if not arguments and not cls.is_family and (plain := _plain(cls)) is not None:
        return Bound(plain, statement, {}, context)
    if cls.is_family:
        choice = chosen(statement, cls, findings)
        if choice is None:
            return None
        cls, arguments = choice, arguments[1:]
    binder = _WordBinder(cls, statement.head, parameters, findings)
    word = binder.word(arguments)
    return Bound(word, statement, binder.spans, context) if word is not None else None


@cache
def _plain(cls: type[W_co]) -> W_co | None:
    """The word without arguments, one for all statements; None if it needs or wants some."""
    if any(kind.required for kind in cls.arguments().values()):
        return None
    word = cast("W_co", cls.model_construct())  # nothing to validate: no validator is built
    return word if word.contradiction() is None else None


def find(
    name: tree.Name,
    families: Sequence[type[Word]],
    findings: Findings,
    others: Iterable[str] = (),
) -> type[Word] | None:
    """The class of a word, or None with a finding that says what was meant or where it belongs.

    `others` are names that could have been meant beside the words: those of blocks.
    """
    for family in families:
        if name.text in family.words:
            return family.words[name.text]
    elsewhere = [f for f in _families() if f.home and name.text in f.words]
    if elsewhere:
        findings.append(
            at(
                catalogue.MISPLACED,
                name.span,
                f"'{name.text}' belongs in {elsewhere[0].home}, not here",
            )
        )
    else:
        known = [*others, *(word for family in families for word in family.words)]
        findings.append(
            at(
                catalogue.UNKNOWN_WORD,
                name.span,
                f"'{name.text}' is no word of the language",
                help=_argument_of(name.text, families) or did_you_mean(name.text, known),
            )
        )
    return None


def _argument_of(name: str, families: Sequence[type[Word]]) -> tuple[str, ...]:
    """Help for the name of an argument that stands where a word is missing."""
    words = [cls for family in families for cls in _below(family) if cls.word]
    takers = [cls.phrase() for cls in words if name in cls.arguments()][:MAX_TAKERS]
    return (f"{name} is an argument of {_listed(takers)}: {name}=…",) if takers else ()


def _below(family: type[Word]) -> Iterator[type[Word]]:
    for cls in family.words.values():
        yield cls
        if cls.is_family:
            yield from _below(cls)


def check_form(statement: tree.Statement, cls: type[Word], findings: Findings) -> bool:
    """Whether the statement has only the parts that its word can have."""
    wrong: list[tuple[Span, str]] = []
    if statement.label and not cls.labelled:
        wrong.append((statement.label.span, f"'{cls.word}' is no layer and takes no label"))
    if statement.claim and not cls.labelled:
        wrong.append((statement.claim.span, f"'{cls.word}' has no output whose shape is claimed"))
    fewest, most = cls.blocks
    if len(statement.blocks) > most:
        extra = statement.blocks[most].span
        opening = Span(extra.source, extra.start, extra.start + 1)
        many = {0: "no block", 1: "one block"}.get(most, f"at most {most:,} blocks")
        wrong.append((opening, f"'{cls.word}' takes {many}"))
    if len(statement.blocks) < fewest and not _block_below(statement):
        some = "a block" if fewest == 1 else f"at least {fewest} blocks"
        findings.append(
            at(
                catalogue.MISSING_ARGUMENT,
                statement.head,
                f"'{cls.word}' needs {some}",
                help=(f"write  {signature(cls).usage}", *cls.about_blocks),
            )
        )
    for span, message in wrong:
        findings.append(at(catalogue.UNEXPECTED_PART, span, message, help=("remove it",)))
    return not wrong and len(statement.blocks) >= fewest


def _block_below(statement: tree.Statement) -> bool:
    """Whether a block stands on the next line: a mistake that the parser has reported."""
    span = statement.span
    return re.compile(r"\s*\{").match(span.source.text, span.end) is not None


def bind_shape(value: tree.Value, parameters: Parameters, findings: Findings) -> Shape | None:
    """A claimed shape: dimensions, a tuple, a number or a parameter."""
    from archdsl.words.declaration import Input

    kind = Input.arguments()["shape"]
    try:
        raw = evaluate(value, kind, parameters)
    except Unfit as unfit:
        findings += unfit.diagnostics
        return None
    shape = kind.fit(raw) if kind.fit is not None else NO_FIT
    if isinstance(shape, Shape):
        return shape
    findings.append(
        at(
            catalogue.BAD_ARGUMENT,
            value.span,
            f"a claimed shape must be {kind.expects}, not {value.span.text}",
        )
    )
    return None


def stages_named(bound: Bound[Word]) -> list[tree.Name]:
    """The names in a statement that must be stages: its references, but for the word's own."""
    references = {
        str(reference)
        for name, kind in type(bound.word).arguments().items()
        if kind.references and (value := getattr(bound.word, name)) is not None
        for reference in (value if kind.variadic else (value,))
        if reference not in bound.word.own_references
    }
    values = [argument.value for argument in bound.statement.arguments]
    return [v for v in values if isinstance(v, tree.Name) and v.text in references]


def _families() -> Iterator[type[Word]]:
    pending: list[type[Word]] = [Word]
    while pending:
        cls = pending.pop()
        pending += cls.__subclasses__()
        if cls.is_family:
            yield cls


def chosen(statement: tree.Statement, family: type[W_co], findings: Findings) -> type[W_co] | None:
    """The word that a family's statement names first: `sgd` of `optimizer sgd lr=0.1`."""
    first = statement.arguments[0] if statement.arguments else None
    if first is None or first.key is not None or not isinstance(first.value, tree.Name):
        findings.append(
            at(
                catalogue.MISSING_ARGUMENT,
                statement.word.span if first is None else first.span,
                f"{family.word} begins with one of {', '.join(family.words)}",
            )
        )
        return None
    name = first.value
    if name.text not in family.words:
        findings.append(
            at(
                catalogue.UNKNOWN_WORD,
                name.span,
                f"'{name.text}' is no {family.word}",
                help=did_you_mean(name.text, family.words),
            )
        )
    return cast("type[W_co] | None", family.words.get(name.text))


class Signature:
    """What a statement takes: a word's is read off its class, a block's off its header."""

    def __init__(self, name: str, phrase: str, kinds: Mapping[str, Kind], rest: str = "") -> None:
        self.name = name
        self.phrase = phrase
        """How a statement begins, with its family: `optimizer sgd`."""
        self.kinds = kinds
        self.rest = rest
        """What follows the arguments: `key=value…`, blocks."""

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The arguments that must be given."""
        return tuple(name for name, kind in self.kinds.items() if kind.required)

    @cached_property
    def positional(self) -> tuple[str, ...]:
        """The arguments that can be given by position, in order."""
        return tuple(name for name, kind in self.kinds.items() if kind.positional)

    @property
    def usage(self) -> str:
        """`conv filters kernel …`: what must be written, for help lines."""
        required = ["|".join(self.kinds[name].words) or name for name in self.required]
        optional = any(not (kind.required or kind.common) for kind in self.kinds.values())
        parts = [self.phrase, *required, "…" if optional else "", self.rest]
        return " ".join(part for part in parts if part)


@cache
def signature(cls: type[Word]) -> Signature:
    """What a statement of a word takes."""
    fewest, _ = cls.blocks
    rest = " ".join([*([cls.rest] if cls.rest else []), *["{ … }"] * fewest])
    return Signature(cls.word, cls.phrase(), cls.arguments(), rest)


class Binder:
    """Binds the arguments of one statement, or of one call, to a signature."""

    def __init__(
        self, signature: Signature, head: Span, parameters: Parameters, findings: Findings
    ) -> None:
        self.signature = signature
        self.kinds = signature.kinds
        self.head = head
        self.parameters = parameters
        self.findings = findings
        self.spans: dict[str, Span] = {}
        self.ok = True
        self.meant: set[str] = set()
        """Fields that are probably given under a misspelt name, and so are not missing."""
        self.repeated: set[str] = set()
        """Fields that are given twice: which value is meant is not known, and none is judged."""

    def values(self, arguments: Sequence[tree.Argument]) -> dict[str, object]:
        """What each argument comes to; `ok` says whether nothing is wrong with them."""
        values: dict[str, object] = {}
        for field, given in self.assign(arguments).items():
            kind = self.kinds[field]
            self.spans[field] = given[0].span.to(given[-1].span)
            if field in self.repeated:
                continue
            try:
                raw = [evaluate(a.value, kind, self.parameters) for a in given]
            except Unfit as unfit:
                self.ok = False
                self.findings += unfit.diagnostics
                continue
            values[field] = tuple(raw) if kind.variadic else raw[0]
        missing = [
            name
            for name in self.signature.required
            if name not in self.spans and name not in self.meant
        ]
        if missing:
            self._complain(
                catalogue.MISSING_ARGUMENT,
                self.head,
                f"{self.signature.name} needs {_listed(list(map(self._shown, missing)))}",
                self._described(missing),
                (f"write  {self.signature.usage}",),
            )
        return values

    def assign(self, arguments: Sequence[tree.Argument]) -> dict[str, list[tree.Argument]]:
        """Which arguments each field gets.

        As many optional fields are filled from the left as there are arguments beyond the
        required ones, so `expect params 3` leaves out the stage that `expect conv1 params 3` has.
        """
        given: dict[str, list[tree.Argument]] = {}
        positional = [a for a in arguments if a.key is None]
        order = self.signature.positional
        keyed = {a.key.text for a in arguments if a.key is not None}
        required = {name for name in self.signature.required if name not in keyed}
        free = len(positional) - sum(name in required for name in order)
        rest = iter(positional)
        for name in order:
            kind = self.kinds[name]
            if kind.variadic:
                count = max(free, 0) + kind.required if name not in keyed else 0
                free = 0
            elif name in required:
                count = 1
            else:
                count = 1 if free > 0 else 0
                free -= count
            taken = [argument for _, argument in zip(range(count), rest, strict=False)]
            if taken:
                given[name] = taken
        if extra := list(rest):
            takes = f"at most {len(order)}" if len(order) > 1 else len(order) or "none"
            many = "is one argument" if len(extra) == 1 else f"and {len(extra) - 1:,} more are"
            self._complain(
                catalogue.BAD_ARGUMENT,
                extra[0].span.to(extra[-1].span),
                f"{extra[0].span.text} {many} too many: {self.signature.name} takes {takes}",
                (),
                (f"write  {self.signature.usage}",),
            )
        for argument in arguments:
            if argument.key is not None:
                self._assign_key(argument, argument.key, given)
        return given

    def _assign_key(
        self, argument: tree.Argument, key: tree.Name, given: dict[str, list[tree.Argument]]
    ) -> None:
        if key.text not in self.kinds:
            if (near := nearest(key.text, self.kinds)) is not None:
                self.meant.add(near)
            self._complain(
                catalogue.UNKNOWN_ARGUMENT,
                key.span,
                f"{self.signature.name} has no argument '{key.text}'",
                (),
                did_you_mean(key.text, self._choices(key.text))
                or (f"{self.signature.name} takes no arguments",),
            )
        elif key.text in given:
            first = given[key.text][0]
            self.repeated.add(key.text)
            self._report(
                at(
                    catalogue.REPEATED_ARGUMENT,
                    argument.span,
                    f"{self.signature.name}'s {key.text} is given twice",
                    secondary=(Label(first.span, "given here already"),),
                    help=("remove one of them",),
                )
            )
        else:
            given[key.text] = [argument]

    def _choices(self, key: str) -> Iterable[str]:
        """What an unknown key may be meant to be; of what all layers take, what is near."""
        near = nearest(key, self.kinds)
        return (name for name, kind in self.kinds.items() if name == near or not kind.common)

    def does_not_fit(self, field: str, value: object) -> None:
        """Report a value that its argument cannot take."""
        span = self.spans[field]
        written = (span.text.partition("=")[2] if "=" in span.text else span.text).strip()
        if isinstance(value, int | float | tuple) and not isinstance(value, bool | Window):
            shown = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
            if shown != written.replace("_", "").replace("×", "x"):
                written = f"{written}, which is {shown}"
        self._complain(
            catalogue.BAD_ARGUMENT,
            span,
            f"{self.signature.name}'s {field} must be {self.kinds[field].expects}, not {written}",
            (),
            self._described([field]),
        )

    def _shown(self, field: str) -> str:
        """An argument's name; a field of one word is that word, as `with` of replace."""
        words = self.kinds[field].words
        return f"'{words[0]}'" if len(words) == 1 else field

    def _described(self, fields: Iterable[str]) -> tuple[str, ...]:
        """A line about each argument that has a description."""
        described = {name: self.kinds[name].field.description for name in fields}
        return tuple(f"{name}: {text}" for name, text in described.items() if text)

    def _complain(
        self,
        rule: Rule,
        span: Span,
        message: str,
        notes: tuple[str, ...],
        help: tuple[str, ...],
    ) -> None:
        self._report(at(rule, span, message, notes=notes, help=help))

    def _report(self, diagnostic: Diagnostic) -> None:
        self.ok = False
        self.findings.append(diagnostic)


class _WordBinder(Binder, Generic[W_co]):
    """Binds arguments to one class."""

    def __init__(
        self, cls: type[W_co], head: Span, parameters: Parameters, findings: Findings
    ) -> None:
        super().__init__(signature(cls), head, parameters, findings)
        self.cls = cls

    def word(self, arguments: Sequence[tree.Argument]) -> W_co | None:
        values = self.values(arguments)
        word = self._fitting(values)
        if word is None:
            return None
        contradiction = word.contradiction()
        if contradiction is not None and self.ok:
            field, must = contradiction
            self._complain(
                catalogue.BAD_ARGUMENT,
                self.spans.get(field, self.head),
                f"{self.signature.phrase}'s {field} {must}",
                (),
                self._described([field]),
            )
        return word if self.ok else None

    def _fitting(self, values: Mapping[str, object]) -> W_co | None:
        """The word of values that all fit; else None, with findings."""
        fitting: dict[str, Any] = {}
        for field, value in values.items():
            fit = self.kinds[field].fit
            fitting[field] = fit(value) if fit is not None else NO_FIT
            if fitting[field] is NO_FIT:
                break
        else:
            if self.ok:  # and so nothing that is required is missing
                return cast("W_co", self.cls.model_construct(**fitting))
        try:
            return self.cls.model_validate(values)
        except ValidationError as error:
            fields = dict.fromkeys(str(e["loc"][0]) for e in error.errors())
            for field in fields:
                if field in values:
                    self.does_not_fit(field, values[field])
            return None


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


# --- values -----------------------------------------------------------------------------------


def evaluate(value: tree.Value, kind: Kind, parameters: Parameters) -> object:
    """What a value comes to for an argument of this kind. Raises Unfit."""
    match value:
        case tree.Name():
            return _evaluate_name(value, kind, parameters)
        case tree.Text(text=text):
            return Quoted(text)
        case tree.Call(name=name):
            if kind.family is None or name.text not in kind.family.words:
                known = kind.family.words if kind.family else ()
                raise unfit(
                    catalogue.BAD_ARGUMENT,
                    value.span,
                    f"{value.span.text} does not fit here: this must be {kind.expects}",
                    did_you_mean(name.text, known),
                )
            findings = Findings()
            cls = kind.family.words[name.text]
            word = _WordBinder(cls, value.span, parameters, findings).word(value.arguments)
            if word is None:
                raise Unfit(findings)
            return word
        case tree.Closed(value=inner, parameters=own):
            return evaluate(inner, kind, own)
        case tree.Tuple(items=items):
            return tuple(evaluate(item, kind, parameters) for item in items)
        case tree.Bound(relation=relation, value=inner):
            if not kind.amounts:
                raise unfit(
                    catalogue.BAD_ARGUMENT,
                    value.span,
                    f"{value.span.text} is a bound, and only expect takes bounds",
                    (f"this must be {kind.expects}",),
                )
            return _amount(relation, inner, parameters)
        case _:
            return _amount("=", value, parameters) if kind.amounts else number(value, parameters)


def _evaluate_name(name: tree.Name, kind: Kind, parameters: Parameters) -> object:
    text = name.text
    if text in kind.words:
        return {"yes": True, "no": False}.get(text, text)
    if kind.references:
        return Reference(text)
    if kind.family is not None and text in kind.family.words:
        return kind.family.words[text]()
    if kind.amounts:
        return _amount("=", name, parameters)
    if kind.numbers and text in parameters:
        return number(name, parameters)
    known = [*kind.words, *(kind.family.words if kind.family else ())]
    if kind.numbers:
        raise unknown_parameter(name, parameters, known)
    raise unfit(
        catalogue.BAD_ARGUMENT,
        name.span,
        f"'{text}' does not fit here: this must be {kind.expects}",
        did_you_mean(text, known) if nearest(text, known) else (),  # all of them are told
    )


def _amount(relation: str, value: tree.Value, parameters: Parameters) -> Amount:
    figure = number(value, parameters)
    if isinstance(figure, tuple):
        raise unfit(catalogue.BAD_ARGUMENT, value.span, f"{value.span.text} is not a single number")
    if isinstance(value, tree.Number):
        return Amount(relation, figure, value.places, value.exact)
    return Amount(relation, figure, 0, True)
