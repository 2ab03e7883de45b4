"""The base of every word, and the registry that the language is.

A word is one pydantic class. Its fields are its arguments, positional ones first and in order;
their types and bounds are all that binding, its errors, the reference and the tests need to know.
"""

import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Self,
    TypeAlias,
    Union,
    get_args,
    get_origin,
)

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, core_schema

from archdsl.diagnostics import catalogue
from archdsl.shape import Call, Family, Misfit, Shape, Window

MAX_WINDOW = 65_536
"""The largest kernel, stride, padding or dilation."""

MAX_COUNT = 10**9
"""The largest number of filters, features, groups or devices."""


class Word(BaseModel):
    """A word of the language. Subclass with `word="conv"` to add one.

    A class made with `family=True` opens a registry of its own, `words`: where its subclasses
    are looked up by name. A family that is a word itself (`optimizer`) is followed by one of its
    words (`sgd`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    word: ClassVar[str] = ""
    words: ClassVar["dict[str, type[Word]]"] = {}
    is_family: ClassVar[bool] = False
    labelled: ClassVar[bool] = False
    """Whether a statement of this word may have a label and claim a shape."""
    blocks: ClassVar[tuple[int, int]] = (0, 0)
    """The fewest and the most blocks that follow the arguments."""
    about_blocks: ClassVar[tuple[str, ...]] = ()
    """Help for a statement that has too few of them."""
    rest: ClassVar[str] = ""
    """What else the statement takes, as the reference writes it: `key=value…` of `set`."""
    own_references: ClassVar[tuple[str, ...]] = ()
    """Names that may stand where a stage's does: `biases` of `scale`."""
    home: ClassVar[str] = ""
    """Where this family's words stand, for the error about one that stands elsewhere."""
    example: ClassVar[str] = ""
    """Statements that show the word at work, for the reference; the tests check them."""

    def __init_subclass__(cls, *, word: str = "", family: bool = False) -> None:
        super().__init_subclass__()
        if word:
            cls.word = word
            cls.words[word] = cls
        cls.is_family = family
        if family:
            cls.words = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        _forget_class_variables(cls)

    def contradiction(self) -> tuple[str, str] | None:
        """An argument that the others do not allow, and what it must be; None if all agree."""
        return None

    @classmethod
    def phrase(cls) -> str:
        """How a statement of this word begins: `conv`, or `optimizer sgd` in a family."""
        named = [base for base in reversed(cls.__mro__) if issubclass(base, Word)]
        return " ".join(base.word for base in named if "word" in base.__dict__ and base.word)

    @classmethod
    def arguments(cls) -> "dict[str, Kind]":
        """What each argument takes, by field name, positional ones first."""
        return _arguments(cls)


def _forget_class_variables(cls: type[Word]) -> None:
    """Drop their annotations, which have served: pydantic knows them by now.

    It would evaluate them again for each class below this one, a quarter of the time that the
    words take to load.
    """
    for name in cls.__class_vars__ & cls.__annotations__.keys():
        del cls.__annotations__[name]


_forget_class_variables(Word)


class Plain(NamedTuple):
    """Annotation of a field that `convert` makes from a bound value; None means it does not fit."""

    convert: Callable[[Any], Any]
    expects: str
    words: tuple[str, ...] = ()
    numbers: bool = True

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        def validate(value: Any) -> Any:
            result = self.convert(value)
            if result is None:
                raise PydanticCustomError("misfit", "does not fit")
            return result

        return core_schema.no_info_plain_validator_function(validate)


KEY_ONLY: dict[str, Any] = {"key": True}
"""`Field(json_schema_extra=KEY_ONLY)`: the argument is written `key=value` or not at all."""

COMMON: dict[str, Any] = {**KEY_ONLY, "common": True}
"""The same of an argument that every layer takes, and that few pages of the reference show."""


ALLOWABLE = tuple(rule.argument for rule in catalogue.OF_LAYERS)


def _allowed(value: Any) -> tuple[str, ...] | None:
    names = value if isinstance(value, tuple) else (value,)
    return names if names and all(name in ALLOWABLE for name in names) else None


Allowed = Annotated[
    tuple[str, ...],
    Plain(
        _allowed,
        f"one of {', '.join(ALLOWABLE)}, or several in parentheses",
        ALLOWABLE,
        numbers=False,
    ),
]
ALLOW = "findings that are meant; archdsl explain NAME explains one"


class Op(Word, family=True):
    """A layer. Shapes are CxHxW for maps, F for vectors. Methods raise Misfit where they must."""

    labelled = True
    home = "an arch or a block"
    look: ClassVar[Family]
    weighted: ClassVar[bool] = False
    """A convolution or a fully connected layer: what `weights`, `neurons` and `depth` count."""
    computes: ClassVar[bool] = True
    """Whether the output is new numbers, which `activations` counts, and no view of the input."""
    prose: ClassVar[str] = ""
    """What papers call it in their figures, `Max pooling`; the word itself where it is not said."""

    allow: Allowed = Field((), description=ALLOW, json_schema_extra=COMMON)

    def output(self, x: Shape) -> Shape:
        """The output shape for an input of shape `x`. Raises Misfit."""
        return x

    def output_always(self) -> Shape | None:
        """The output shape where it is the same for every input that the layer takes."""
        return None

    def lossless(self, x: Shape) -> Shape:
        """The output shape if rounding lost nothing: `output`, or more where `concerns` are."""
        return self.output(x)

    def concerns(self, x: Shape) -> Iterator[Misfit]:
        """What is wrong though the output shape is known: a stride that loses rows."""
        yield from ()

    def weights(self, x: Shape) -> dict[str, tuple[int, ...]]:
        """The learned parameters by torch's name. Their counts are derived from these shapes."""
        return {}

    def macs(self, x: Shape) -> int:
        """Multiply–accumulates per image, biases not counted; 0 but for conv and linear."""
        return 0

    def workings(self, x: Shape) -> tuple[str, ...]:
        """How the output's shape is reckoned, `(227 − 11) / 4 + 1 = 55`, a line to each step; none
        where it is the input's. Raises Misfit."""
        return ()

    def torch(self, x: Shape, towers: int = 1) -> tuple[Call, ...]:
        """The torch modules that compute this layer, in order; the last one owns the weights.

        `towers` is how many devices the input's channels are divided over, 1 if each has all.
        """
        raise NotImplementedError

    @property
    def brief(self) -> str:
        """The layer in a few characters, for tables and pictures: `conv 96 11x11 /4`."""
        return self.word

    def reads_all(self) -> bool:
        """On several devices: whether each device needs the channels of all of them."""
        return False

    def keeps_whole(self) -> bool:
        """On several devices: whether each device then holds the whole output."""
        return False

    def indivisible(self, devices: int) -> Misfit | None:
        """What keeps several devices from dividing this layer's channels, if anything."""
        return None

    def on_device(self, device: int, devices: int) -> Self:
        """The part of this layer that one of several devices computes, which count from 0."""
        return self


class Unbound(Op):
    """Stands for a layer whose statement is wrong: its output cannot be known."""

    computes = False


# --- what an argument takes -------------------------------------------------------------------


class Reference(str):
    """A stage's, layer's or word's name, not looked up as a parameter."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(cls)


class Quoted(str):
    """Text that was written in quotes: a path."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(cls)


def _window(minimum: int) -> Callable[[Any], Window | None]:
    def convert(value: Any) -> Window | None:
        pair = (value, value) if type(value) is int else value
        if isinstance(pair, tuple) and len(pair) == 2:
            height, width = pair
            if all(type(n) is int and minimum <= n <= MAX_WINDOW for n in pair):
                return Window(height, width)
        return None

    return convert


def _padding(value: Any) -> Window | str | None:
    return "same" if value == "same" else _window(0)(value)


def _shape(value: Any) -> Shape | None:
    dims = (value,) if type(value) is int else value
    if isinstance(dims, Shape):
        return dims
    fits = (
        isinstance(dims, tuple)
        and len(dims) in (1, 3)
        and all(type(n) is int and 1 <= n <= MAX_COUNT for n in dims)
    )
    return Shape(dims) if fits else None


def _switch(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class Amount:
    """A claimed figure.

    `relation` is one of `= ~ <= >=`. `places` is the exponent of ten of the last digit written;
    `exact` says that it is written with neither suffix, point nor exponent.
    """

    relation: str
    value: int | float
    places: int
    exact: bool

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(cls)


_PAIR = f"a whole number or HxW, from {{}} to {MAX_WINDOW:_}"

Count = Annotated[int, Ge(1), Le(MAX_COUNT)]
Natural = Annotated[int, Ge(0), Le(MAX_COUNT)]
Fraction = Annotated[float, Ge(0), Lt(1)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Extent = Annotated[Window, Plain(_window(1), _PAIR.format(1))]
Padding = Annotated[
    Window | Literal["same"], Plain(_padding, _PAIR.format(0) + ", or same", ("same",))
]
Dims = Annotated[Shape, Plain(_shape, "CxHxW or one number of features, each at least 1")]
Switch = Annotated[bool, Plain(_switch, "yes or no", ("yes", "no"), numbers=False)]
Rounding = Literal["floor", "ceil"]


NO_FIT = object()
"""What `Fit` gives for a value that a field cannot take."""

Fit: TypeAlias = Callable[[Any], Any]


class Kind(NamedTuple):
    """What one argument takes, read off its field's type."""

    field: FieldInfo
    expects: str
    numbers: bool
    """It takes numbers or dimensions, so a bare name is a parameter."""
    words: tuple[str, ...]
    """The field's own words, which go before parameters."""
    references: bool
    amounts: bool
    """It takes a bound, `~60M`, or a number with its digits."""
    family: type[Word] | None
    """It takes one of this family's words, bare or called: `xavier`, `normal(0, 0.01)`."""
    variadic: bool
    """It takes all the positional arguments that the others leave."""
    fit: Fit | None
    """What pydantic's validator makes of a value, for the kinds that are quickly told."""

    @property
    def required(self) -> bool:
        return self.field.is_required()

    @property
    def positional(self) -> bool:
        """Every argument can be given by position but those marked as key-only."""
        return not self._marked("key")

    @property
    def common(self) -> bool:
        """Every layer takes it: `allow`."""
        return self._marked("common")

    def _marked(self, mark: str) -> bool:
        extra = self.field.json_schema_extra
        return isinstance(extra, dict) and mark in extra


@cache
def _arguments(cls: type[Word]) -> dict[str, Kind]:
    return {name: _kind(field) for name, field in cls.model_fields.items()}


def _kind(field: FieldInfo) -> Kind:
    annotation, metadata = field.annotation, list(field.metadata)
    variadic = get_origin(annotation) is tuple and get_args(annotation)[-1] is Ellipsis
    if variadic:
        annotation = get_args(annotation)[0]
    members = _members(annotation, metadata)
    plain = next((m for _, data in members for m in data if isinstance(m, Plain)), None)
    if plain is not None:
        fits = _converting(plain.convert)
        return Kind(
            field, plain.expects, plain.numbers, plain.words, False, False, None, False, fits
        )
    literals = [w for m, _ in members if get_origin(m) is Literal for w in get_args(m)]
    texts = tuple(word for word in literals if isinstance(word, str))
    families = [m for m, _ in members if isinstance(m, type) and issubclass(m, Word)]
    numbers = len(texts) < len(literals) or any(
        m in (int, float) or get_origin(m) is tuple for m, _ in members
    )
    references = any(m is Reference for m, _ in members)
    expects = " or ".join(_expects(member, data) for member, data in members)
    family = families[0] if families else None
    amounts = any(m is Amount for m, _ in members)
    fit = _fit(members)
    if variadic and fit is not None:
        fit = _each(fit)
    return Kind(field, expects, numbers, texts, references, amounts, family, variadic, fit)


def _fit(members: list[tuple[Any, list[Any]]]) -> Fit | None:
    """The check of a value against types with bounds; None where it takes pydantic to tell.

    It spares most checks of a spec the making of pydantic's validators, which takes longer than
    they do; tests/words/test_arguments.py compares the two.
    """
    fits = [_member_fit(member, metadata) for member, metadata in members]
    known = [fit for fit in fits if fit is not None]
    if len(known) < len(fits):
        return None
    if len(known) == 1:
        return known[0]

    def fit(value: Any) -> Any:
        found = (each(value) for each in known)
        return next((fitting for fitting in found if fitting is not NO_FIT), NO_FIT)

    return fit


def _member_fit(member: Any, metadata: list[Any]) -> Fit | None:
    if get_origin(member) is Literal:
        words = get_args(member)
        return lambda value: next((word for word in words if word == value), NO_FIT)
    if member in (int, float) and all(isinstance(m, Ge | Gt | Le | Lt) for m in metadata):
        taken = (int,) if member is int else (int, float)
        return lambda value: (
            member(value)
            if type(value) in taken and all(_is_within(value, bound) for bound in metadata)
            else NO_FIT
        )
    if isinstance(member, type) and issubclass(member, Reference | Quoted | Amount | Word):
        return lambda value: value if isinstance(value, member) else NO_FIT
    return None


def _is_within(value: Any, bound: Ge | Gt | Le | Lt) -> bool:
    match bound:
        case Ge(ge=low):
            return bool(value >= low)
        case Gt(gt=low):
            return bool(value > low)
        case Le(le=high):
            return bool(value <= high)
        case Lt(lt=high):
            return bool(value < high)


def _each(fit: Fit) -> Fit:
    def fits(value: Any) -> Any:
        found = tuple(map(fit, value)) if isinstance(value, tuple) else (NO_FIT,)
        return found if NO_FIT not in found else NO_FIT

    return fits


def _converting(convert: Callable[[Any], Any]) -> Fit:
    def fit(value: Any) -> Any:
        converted = convert(value)
        return NO_FIT if converted is None else converted

    return fit


def _members(annotation: Any, metadata: list[Any]) -> list[tuple[Any, list[Any]]]:
    """The types that a field's annotation is the union of, None left out, each with its bounds."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *extra = get_args(annotation)
        return _members(inner, [*metadata, *extra])
    if origin in (Union, types.UnionType):
        return [pair for member in get_args(annotation) for pair in _members(member, metadata)]
    return [] if annotation is type(None) else [(annotation, metadata)]


def one_of(words: tuple[str, ...]) -> str:
    """What a field takes that takes its own words alone."""
    return words[0] if len(words) == 1 else f"one of {', '.join(words)}"


def _expects(member: Any, metadata: list[Any]) -> str:
    """What a type and its bounds ask for, in words."""
    if get_origin(member) is Literal:
        return one_of(tuple(map(str, get_args(member))))
    if get_origin(member) is tuple:
        return f"{len(get_args(member))} numbers in parentheses"
    if member is Reference:
        return "a name"
    if member is Quoted:
        return "text in quotes"
    if member is Amount:
        return "a number, ~number, <= number or >= number"
    if isinstance(member, type) and issubclass(member, Word):
        return "one of " + ", ".join(member.words)
    noun = "a whole number" if member is int else "a number"
    ends = [bound for bound in metadata if isinstance(bound, Ge | Le)]
    if len(ends) == 2:
        low, high = (getattr(bound, "ge", None) or getattr(bound, "le", 0) for bound in ends)
        return f"{noun} from {low or 0} to {high:_}"
    bounds = []
    for bound in metadata:
        match bound:
            case Ge(ge=low):
                bounds.append(f"at least {low}")
            case Gt(gt=low):
                bounds.append(f"more than {low}")
            case Lt(lt=high):
                bounds.append(f"less than {high}")
            case Le(le=high):
                bounds.append(f"at most {high:_}")
    return f"{noun} of {' and '.join(bounds)}" if bounds else noun
