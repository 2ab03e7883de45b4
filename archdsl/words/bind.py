"""Statement to word: arguments bound to a class's fields, every mistake at its own place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from pydantic import ValidationError

from archdsl.diagnostics import Diagnostic, Findings, Label, Rule, at, catalogue
from archdsl.diagnostics.suggest import did_you_mean
from archdsl.shape import Misfit, Shape, Window
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.words.word import Amount, Kind, Quoted, Reference, Word

Quantity: TypeAlias = "int | float | tuple[int | float, ...]"
Parameters: TypeAlias = Mapping[str, Quantity]

MAX_FIGURE = 10**15
"""What arithmetic may come to."""

W_co = TypeVar("W_co", bound=Word, covariant=True)


@dataclass(frozen=True, slots=True)
class Bound(Generic[W_co]):
    """A word with the statement that it came from, so that what is said of it has a place."""

    word: W_co
    statement: tree.Statement
    arguments: Mapping[str, Span]
    """Where each argument that was written stands, by field."""

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
        )


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
    arguments = statement.arguments
    if cls.is_family:
        choice = _choice(statement, cls, findings)
        if choice is None:
            return None
        cls, arguments = choice, arguments[1:]
    binder = _Binder(cls, statement.head, parameters, findings)
    word = binder.bind(arguments)
    return Bound(word, statement, binder.spans) if word is not None else None


def find(name: tree.Name, families: Sequence[type[Word]], findings: Findings) -> type[Word] | None:
    """The class of a word, or None with a finding that says what was meant or where it belongs."""
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
        known = [word for family in families for word in family.words]
        findings.append(
            at(
                catalogue.UNKNOWN_WORD,
                name.span,
                f"'{name.text}' is no word of the language",
                help=did_you_mean(name.text, known),
            )
        )
    return None


def check_form(statement: tree.Statement, cls: type[Word], findings: Findings) -> bool:
    """Whether the statement has only the parts that its word can have."""
    wrong: list[tuple[Span, str]] = []
    if statement.label and not cls.labelled:
        wrong.append((statement.label.span, f"'{cls.word}' is no layer and takes no label"))
    if statement.claim and not cls.labelled:
        wrong.append((statement.claim.span, f"'{cls.word}' has no output whose shape is claimed"))
    if len(statement.blocks) > cls.blocks:
        extra = statement.blocks[cls.blocks].span
        opening = Span(extra.source, extra.start, extra.start + 1)
        many = "no block" if cls.blocks == 0 else "one block"
        wrong.append((opening, f"'{cls.word}' takes {many}"))
    # A block on the next line is a mistake that the parser has reported.
    below = statement.span.source.text[statement.span.end :].lstrip().startswith("{")
    if len(statement.blocks) < cls.blocks and not below:
        findings.append(
            at(
                catalogue.MISSING_ARGUMENT,
                statement.head,
                f"'{cls.word}' needs a block",
                help=(f"write  {statement.head.text} {{ … }}",),
            )
        )
    for span, message in wrong:
        findings.append(at(catalogue.UNEXPECTED_PART, span, message, help=("remove it",)))
    return not wrong and len(statement.blocks) == cls.blocks


def bind_shape(value: tree.Value, parameters: Parameters, findings: Findings) -> Shape | None:
    """A claimed shape: dimensions, a tuple, a number or a parameter."""
    from archdsl.words.declaration import Input

    kind = Input.arguments()["shape"]
    try:
        raw = evaluate(value, kind, parameters)
    except Unfit as unfit:
        findings += unfit.diagnostics
        return None
    try:
        return Input.model_validate({"shape": raw}).shape
    except ValidationError:
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


def _choice(statement: tree.Statement, family: type[Word], findings: Findings) -> type[Word] | None:
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
    return family.words.get(name.text)


class _Binder:
    """Binds the arguments of one statement, or of one call, to one class."""

    def __init__(
        self, cls: type[Word], head: Span, parameters: Parameters, findings: Findings
    ) -> None:
        self.cls = cls
        self.kinds = cls.arguments()
        self.head = head
        self.parameters = parameters
        self.findings = findings
        self.spans: dict[str, Span] = {}
        self.ok = True

    def bind(self, arguments: Sequence[tree.Argument]) -> Word | None:
        values: dict[str, object] = {}
        for field, given in self._assign(arguments).items():
            kind = self.kinds[field]
            self.spans[field] = given[0].span.to(given[-1].span)
            try:
                raw = [evaluate(a.value, kind, self.parameters) for a in given]
            except Unfit as unfit:
                self.ok = False
                self.findings += unfit.diagnostics
                continue
            values[field] = tuple(raw) if kind.variadic else raw[0]
        missing = [
            name for name, kind in self.kinds.items() if kind.required and name not in self.spans
        ]
        if missing:
            self._complain(
                catalogue.MISSING_ARGUMENT,
                self.head,
                f"{self.cls.word} needs {_listed(missing)}",
                (f"{name}: {self.kinds[name].field.description}" for name in missing),
                (f"write  {self._usage()}",),
            )
        try:
            word = self.cls.model_validate(values)
        except ValidationError as error:
            fields = dict.fromkeys(str(e["loc"][0]) for e in error.errors())
            for field in fields:
                if field in values:
                    self._does_not_fit(field, values[field])
            return None
        contradiction = word.contradiction()
        if contradiction is not None and self.ok:
            field, must = contradiction
            self._complain(
                catalogue.BAD_ARGUMENT,
                self.spans.get(field, self.head),
                f"{self.cls.phrase()}'s {field} {must}",
                (),
                (f"{field}: {self.kinds[field].field.description}",),
            )
        return word if self.ok else None

    def _assign(self, arguments: Sequence[tree.Argument]) -> dict[str, list[tree.Argument]]:
        """Which arguments each field gets.

        As many optional fields are filled from the left as there are arguments beyond the
        required ones, so `expect params 3` leaves out the stage that `expect conv1 params 3` has.
        """
        given: dict[str, list[tree.Argument]] = {}
        positional = [a for a in arguments if a.key is None]
        order = [name for name, kind in self.kinds.items() if kind.positional]
        keyed = {a.key.text for a in arguments if a.key is not None}
        free = len(positional) - sum(
            self.kinds[name].required and name not in keyed for name in order
        )
        rest = iter(positional)
        for name in order:
            kind = self.kinds[name]
            if kind.variadic:
                count = max(free, 0) + kind.required if name not in keyed else 0
                free = 0
            elif kind.required and name not in keyed:
                count = 1
            else:
                count = 1 if free > 0 else 0
                free -= count
            taken = [argument for _, argument in zip(range(count), rest, strict=False)]
            if taken:
                given[name] = taken
        for extra in rest:
            takes = f"at most {len(order)}" if len(order) > 1 else len(order) or "none"
            self._complain(
                catalogue.BAD_ARGUMENT,
                extra.span,
                f"{extra.span.text} is one argument too many: {self.cls.word} takes {takes}",
                (),
                (f"write  {self._usage()}",),
            )
        for argument in arguments:
            if argument.key is not None:
                self._assign_key(argument, argument.key, given)
        return given

    def _assign_key(
        self, argument: tree.Argument, key: tree.Name, given: dict[str, list[tree.Argument]]
    ) -> None:
        if key.text not in self.kinds:
            self._complain(
                catalogue.UNKNOWN_ARGUMENT,
                key.span,
                f"{self.cls.word} has no argument '{key.text}'",
                (),
                did_you_mean(key.text, self.kinds) or (f"{self.cls.word} takes no arguments",),
            )
        elif key.text in given:
            first = given[key.text][0]
            self._report(
                at(
                    catalogue.REPEATED_ARGUMENT,
                    argument.span,
                    f"{self.cls.word}'s {key.text} is given twice",
                    secondary=(Label(first.span, "given here already"),),
                    help=("remove one of them",),
                )
            )
        else:
            given[key.text] = [argument]

    def _does_not_fit(self, field: str, value: object) -> None:
        span = self.spans[field]
        written = (span.text.partition("=")[2] if "=" in span.text else span.text).strip()
        if isinstance(value, int | float | tuple) and not isinstance(value, bool | Window):
            shown = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
            if not any(char.isdigit() for char in written):
                written = f"{written}, which is {shown}"  # a parameter
        self._complain(
            catalogue.BAD_ARGUMENT,
            span,
            f"{self.cls.word}'s {field} must be {self.kinds[field].expects}, not {written}",
            (),
            (f"{field}: {self.kinds[field].field.description}",),
        )

    def _usage(self) -> str:
        """`conv filters kernel stride=1 …`, as the reference prints it."""
        required = [name for name, kind in self.kinds.items() if kind.required]
        optional = any(not kind.required for kind in self.kinds.values())
        return " ".join([self.cls.phrase(), *required, *(["…"] if optional else [])])

    def _complain(
        self,
        rule: Rule,
        span: Span,
        message: str,
        notes: Iterator[str] | tuple[str, ...],
        help: tuple[str, ...],
    ) -> None:
        self._report(at(rule, span, message, notes=tuple(notes), help=help))

    def _report(self, diagnostic: Diagnostic) -> None:
        self.ok = False
        self.findings.append(diagnostic)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


# --- values -----------------------------------------------------------------------------------


class Unfit(Exception):
    """A value that cannot be had, or that its argument cannot take; `diagnostics` say why."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__()
        self.diagnostics = diagnostics


def _unfit(rule: Rule, span: Span, message: str, help: tuple[str, ...] = ()) -> Unfit:
    return Unfit([at(rule, span, message, help=help)])


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
                raise _unfit(
                    catalogue.BAD_ARGUMENT,
                    value.span,
                    f"{value.span.text} does not fit here: this must be {kind.expects}",
                    did_you_mean(name.text, known),
                )
            findings = Findings()
            cls = kind.family.words[name.text]
            word = _Binder(cls, value.span, parameters, findings).bind(value.arguments)
            if word is None:
                raise Unfit(findings)
            return word
        case tree.Tuple(items=items):
            return tuple(evaluate(item, kind, parameters) for item in items)
        case tree.Bound(relation=relation, value=inner):
            if not kind.amounts:
                raise _unfit(
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
        return parameters[text]
    known = [*kind.words, *(kind.family.words if kind.family else ())]
    if kind.numbers:
        raise unknown_parameter(name, parameters, known)
    raise _unfit(
        catalogue.BAD_ARGUMENT,
        name.span,
        f"'{text}' does not fit here: this must be {kind.expects}",
        did_you_mean(text, known),
    )


def unknown_parameter(name: tree.Name, parameters: Parameters, words: Sequence[str]) -> Unfit:
    return _unfit(
        catalogue.UNKNOWN_NAME,
        name.span,
        f"'{name.text}' is no parameter",
        did_you_mean(name.text, [*words, *parameters])
        or ("declare it in the arch's header: arch Name(parameter=1)",),
    )


def _amount(relation: str, value: tree.Value, parameters: Parameters) -> Amount:
    figure = number(value, parameters)
    if isinstance(figure, tuple):
        raise _unfit(
            catalogue.BAD_ARGUMENT, value.span, f"{value.span.text} is not a single number"
        )
    if isinstance(value, tree.Number):
        return Amount(relation, figure, value.places, value.exact)
    return Amount(relation, figure, 0, True)


def number(value: tree.Value, parameters: Parameters) -> Quantity:
    """The number, or the dimensions, that a value comes to. Raises Unfit."""
    match value:
        case tree.Number(value=figure):
            return figure
        case tree.Dimensions(sizes=sizes):
            return sizes
        case tree.Name(text=text):
            if text not in parameters:
                raise unknown_parameter(value, parameters, ())
            return parameters[text]
        case tree.Negative(operand=operand):
            return -_scalar(operand, parameters)
        case tree.Tuple(items=items):
            return tuple(_scalar(item, parameters) for item in items)
        case tree.Arithmetic(first=first, rest=rest):
            total = _scalar(first, parameters)
            for operator, operand in rest:
                total = _apply(operator, total, _scalar(operand, parameters), value.span)
            return total
        case _:
            raise _unfit(catalogue.BAD_ARGUMENT, value.span, f"{value.span.text} is not a number")


def _scalar(value: tree.Value, parameters: Parameters) -> int | float:
    figure = number(value, parameters)
    if isinstance(figure, tuple):
        raise _unfit(
            catalogue.BAD_ARGUMENT,
            value.span,
            f"{value.span.text} is {'x'.join(map(str, figure))}, and a single number is needed",
        )
    return figure


def _apply(operator: str, left: int | float, right: int | float, span: Span) -> int | float:
    result: int | float
    if operator == "+":
        result = left + right
    elif operator == "-":
        result = left - right
    elif operator == "*":
        result = left * right
    elif right == 0:
        raise _unfit(catalogue.BAD_ARGUMENT, span, f"{left} / 0 is no number")
    elif isinstance(left, int) and isinstance(right, int):
        if left % right:
            raise _unfit(
                catalogue.BAD_ARGUMENT,
                span,
                f"{left} / {right} does not divide exactly",
                ("sizes and counts are whole numbers: change one of the two",),
            )
        result = left // right
    else:
        result = left / right
    if not abs(result) < MAX_FIGURE:
        raise _unfit(catalogue.NUMBER, span, "this comes to 10^15 or more")
    return result
