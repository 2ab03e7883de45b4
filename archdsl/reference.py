"""The reference of the language: what `archdsl words` prints, read off the classes of the words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from inspect import cleandoc
from itertools import groupby
from textwrap import wrap
from typing import Any

from archdsl.analysis import Analysis, Costs
from archdsl.compiler import compile_bytes
from archdsl.diagnostics.suggest import nearest
from archdsl.network import Layer, Repeat
from archdsl.report import WIDTH
from archdsl.shape import Family, Shape, Window
from archdsl.styled import Line, Piece, line
from archdsl.words.declaration import Declaration, TopLevel
from archdsl.words.edit import Edit
from archdsl.words.recipe import Setting
from archdsl.words.repeat import Structure
from archdsl.words.word import Kind, Op, Quoted, Word

NONE = "—"
"""Stands for the default of an argument that has none and may be left out."""

STATEMENT = "[label:] word argument… [{ block }]… [-> shape]"
"""The form of all of them. A usage is this, filled in for one word."""

FEW = 3
"""An argument that must be one of so few words is shown as them: `after|before`."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What `check` computes of a part of an example: shapes, parameters, MACs."""

    name: str
    input: Shape
    output: Shape
    params: int
    macs: int

    def __str__(self) -> str:
        counts = ((self.params, "parameters"), (self.macs, "MACs"))
        return " · ".join(
            [f"{self.input} → {self.output}"]
            + [f"{count:,} {what}" for count, what in counts if count]
        )


def _of_parts(analysis: Analysis, cls: type[Word]) -> Iterator[Figures]:
    """Of every layer, join or repeat of a word, in the order of the text."""
    items = [item for group in analysis.network.groups.values() for item in group.items]
    parts = [item for item in items if isinstance(item, Layer | Repeat)]
    for part in sorted(parts, key=lambda part: part.head.start):
        if isinstance(part.bound.word, cls):
            flow = analysis.shapes.flows[part.path]
            yield from _known(part.path, flow.input, flow.output, analysis.parts[part.path])


def _of_arch(analysis: Analysis, cls: type[Word]) -> Iterator[Figures]:
    """Of the whole network."""
    network = analysis.network
    yield from _known(network.name, network.input, analysis.output, analysis.costs)


def _known(
    name: str, input: Shape | None, output: Shape | None, costs: Costs | None
) -> Iterator[Figures]:
    if input is not None and output is not None and costs is not None:
        yield Figures(name, input, output, costs.params, costs.macs)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the words of a family stand, and what makes an example of one a whole file."""

    family: type[Word]
    before: str
    after: str
    figures: Callable[[Analysis, type[Word]], Iterator[Figures]] | None = None
    """Those of an example that are shown with it."""


PLACES = (
    Place(TopLevel, "", ""),
    Place(Declaration, "arch Example {\n", "\n}\n"),
    Place(Op, "arch Example {\ninput 3x64x64\n", "\n}\n", _of_parts),
    Place(Structure, "arch Example {\ninput 3x64x64\n", "\n}\n", _of_parts),
    Place(Edit, "", "", _of_arch),
    Place(Setting, "arch Example {\ninput 3x64x64\nfc: linear 10\ntrain {\n", "\n}\n}\n"),
)
"""In the order of the reference."""


# --- the words --------------------------------------------------------------------------------


def vocabulary() -> Iterator[type[Word]]:
    """Every word that can be written, in the order of the reference; families before theirs."""
    for place in PLACES:
        for cls in _in_order(place.family):
            yield cls
            yield from beneath(cls)


def find(name: str) -> tuple[type[Word], ...]:
    """The words of this name. It is one but where several families have it."""
    found = [family.words[name] for family in _families() if name in family.words]
    return tuple(dict.fromkeys(found))


def unknown(name: str) -> str:
    """What to tell someone who asks for a word that there is not."""
    near = nearest(name, (cls.word for cls in vocabulary()))
    help = f"did you mean '{near}'?" if near else "archdsl words lists them all"
    return f"'{name}' is no word of the language: {help}"


def beneath(cls: type[Word]) -> Iterator[type[Word]]:
    """The words that follow one of a family, or that an argument takes: `sgd` of `optimizer`."""
    for family in _inner(cls).values():
        yield from family.words.values()


def _inner(cls: type[Word]) -> dict[str, type[Word]]:
    """The families whose words stand in a statement of this one, by what they are called there."""
    families = {"words": cls} if cls.is_family else {}
    taken = {name: kind.family for name, kind in cls.arguments().items()}
    return families | {name: family for name, family in taken.items() if family is not None}


def spec(cls: type[Word]) -> str:
    """A word's example as a whole file."""
    place = _place(cls)
    return f"{place.before}{cleandoc(cls.example)}{place.after}"


def figures(cls: type[Word]) -> tuple[Figures, ...]:
    """What `check` computes of a word's example."""
    shown = _place(cls).figures
    if shown is None:
        return ()
    archs = compile_bytes(spec(cls).encode(), "<example>").archs
    return tuple(figure for analysis in archs for figure in shown(analysis, cls))


def _in_order(family: type[Word]) -> list[type[Word]]:
    """A family's words as they are declared; layers by what kind they are."""
    looks = list(Family)
    return sorted(
        family.words.values(),
        key=lambda cls: looks.index(cls.look) if issubclass(cls, Op) else 0,
    )


def _families() -> Iterator[type[Word]]:
    for place in PLACES:
        yield place.family
        for cls in place.family.words.values():
            yield from _inner(cls).values()


def _taken_by(cls: type[Word]) -> tuple[type[Word], str] | None:
    """The word and its argument that take this one as a value: `init`, `weights` for `normal`."""
    for place in PLACES:
        for user in place.family.words.values():
            for name, kind in user.arguments().items():
                if kind.family is not None and issubclass(cls, kind.family):
                    return user, name
    return None


def _place(cls: type[Word]) -> Place:
    taken = _taken_by(cls)
    stands = taken[0] if taken else cls
    return next(place for place in PLACES if issubclass(stands, place.family))


def _where(cls: type[Word]) -> str:
    """Where a word stands: `an arch or a block · convolution`, `a train block · optimizer`."""
    taken = _taken_by(cls)
    if taken is not None:
        return f"{taken[1]} of {taken[0].phrase()}"
    if issubclass(cls, Op):
        return f"{cls.home} · {cls.look.value}"
    family = cls.phrase().removesuffix(cls.word).strip()
    return f"{cls.home} · {family}" if family else cls.home


def _text(cls: type[Word]) -> str:
    return cleandoc(cls.__doc__ or "")


def summary(cls: type[Word]) -> str:
    """The first line of what is said of a word."""
    return _text(cls).partition("\n")[0]


# --- all of them ------------------------------------------------------------------------------


def listing() -> Iterator[Line]:
    """All words, by where they stand, a line to each, in at most 80 columns."""
    words = list(vocabulary())
    width = max(len(cls.word) for cls in words)
    yield _title("the words of the language", "archdsl words WORD explains one")
    yield ()
    yield line(Piece("  every statement  ", "dim"), Piece(STATEMENT, "code"))
    for place in PLACES:
        for where, group in groupby(_in_order(place.family), _where):
            yield ()
            yield line(Piece(f"  {where}", "dim"))
            for cls in group:
                yield _listed(cls, "    ", width)
                for inner in beneath(cls):
                    yield _listed(inner, "      ", width)


def _listed(cls: type[Word], indent: str, width: int) -> Line:
    room = " " * (4 + width + 2 - len(indent) - len(cls.word))
    return line(Piece(indent + cls.word, "strong"), Piece(room + summary(cls)))


def _title(left: str, right: str) -> Line:
    gap = " " * max(2, WIDTH - len(left) - len(right))
    return line(Piece(left, "strong"), Piece(gap + right, "dim"))


# --- one of them ------------------------------------------------------------------------------


def pages(words: Iterable[type[Word]]) -> Iterator[Line]:
    """The pages of words, one below the other."""
    for number, cls in enumerate(words):
        if number:
            yield ()
        yield from page(cls)


def page(cls: type[Word]) -> Iterator[Line]:
    """All that there is to say of a word, in at most 80 columns."""
    yield _title(cls.word, _where(cls))
    yield ()
    yield from (line(Piece(f"  {text}", "code")) for text in _usage_lines(cls))
    for paragraph in _text(cls).split("\n\n"):
        yield ()
        yield from (line(Piece(f"  {text}")) for text in _filled(paragraph))
    rows = list(_rows(cls))
    if rows:
        yield ()
        yield from _table(rows)
    for what, family in _inner(cls).items():
        yield ()
        yield line(Piece(f"  {what}", "dim"))
        width = max(map(len, family.words))
        yield from (_listed(word, "    ", width) for word in family.words.values())
    yield ()
    yield line(Piece("  example", "dim"))
    yield from (line(Piece(f"    {text}", "code")) for text in cleandoc(cls.example).split("\n"))
    yield from _figure_lines(figures(cls))


def _filled(paragraph: str) -> list[str]:
    """A paragraph of a docstring as lines: filled, but where it is indented left as it is."""
    if paragraph.startswith(" "):
        return paragraph.split("\n")
    return wrap(paragraph, WIDTH - 2, break_long_words=False, break_on_hyphens=False)


def _figure_lines(found: Iterable[Figures]) -> Iterator[Line]:
    shown = {figure.name: str(figure) for figure in found}
    if shown:
        yield ()
        width = max(map(len, shown))
        for name, text in shown.items():
            yield line(Piece(f"    {name.ljust(width)}  "), Piece(text, "dim"))


# --- usage ------------------------------------------------------------------------------------


def usage(cls: type[Word]) -> str:
    """How a statement of a word is written: `conv filters kernel stride=1 pad=0 …`."""
    return " ".join(_usage(cls))


def _usage(cls: type[Word]) -> list[str]:
    """The parts of the usage, each of which stays on one line."""
    taken = _taken_by(cls)
    if taken is not None:
        user, field = taken
        values = ", ".join(_argument(name, kind) for name, kind in _arguments(cls))
        return [user.phrase(), f"{field}={cls.word}({values})" if values else f"{field}={cls.word}"]
    parts = ["[label:]"] if cls.labelled else []
    parts.append(cls.phrase())
    if cls.is_family:
        parts += ["|".join(cls.words), "…"]
    parts += [_argument(name, kind) for name, kind in _arguments(cls)]
    parts += [cls.rest] if cls.rest else []
    parts += _blocks(cls)
    parts += ["[-> shape]"] if cls.labelled else []
    return parts


def _arguments(cls: type[Word]) -> list[tuple[str, Kind]]:
    """The arguments that a page shows, those that are only given by key last."""
    shown = [item for item in cls.arguments().items() if not item[1].common]
    return sorted(shown, key=lambda item: not item[1].positional)


def _argument(name: str, kind: Kind) -> str:
    """`filters`, `"path"`, `stride=1`; in brackets what has no default and may be left out."""
    if kind.required:
        if not kind.numbers and 0 < len(kind.words) <= FEW:
            return "|".join(kind.words)
        shown = f'"{name}"' if kind.field.annotation is Quoted else name
        return f"{shown}…" if kind.variadic else shown
    default = written(kind.field.default)
    if default is not None:
        return f"{name}={default}"
    if kind.references:
        return f"[{name}…]" if kind.variadic else f"[{name}]"
    return f"[{name}=…]"


def _blocks(cls: type[Word]) -> list[str]:
    fewest, most = cls.blocks
    optional = {0: [], 1: ["[{ … }]"]}.get(most - fewest, ["…"])
    return ["{ … }"] * fewest + optional


def _usage_lines(cls: type[Word]) -> list[str]:
    """The usage, broken between its parts, what follows the word beneath what followed it."""
    parts = _usage(cls)
    indent = " " * (len("[label:] ") * cls.labelled + len(cls.phrase()) + 1)
    lines = [parts[0]]
    for part in parts[1:]:
        joined = f"{lines[-1]} {part}"
        if len(joined) > WIDTH - 2:
            lines.append(indent + part)
        else:
            lines[-1] = joined
    return lines


def written(value: object) -> str | None:
    """A default as the language writes it, `yes`, `1e-4`, `3x5`; None for the lack of one."""
    match value:
        case None | ():
            return None
        case bool():
            return "yes" if value else "no"
        case Window():
            return value.brief
        case tuple():
            return f"({', '.join(str(written(item)) for item in value)})"
        case float():
            return _decimal(value)
        case _:
            return str(value)


def _decimal(value: float) -> str:
    """`0.75`, `2`, `1e-4`."""
    mantissa, _, exponent = f"{value:g}".partition("e")
    if not exponent and 0 < abs(value) < 1e-3:
        mantissa, _, exponent = f"{value:e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


# --- arguments --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table of arguments."""

    name: str
    default: str
    description: str
    takes: str


def _rows(cls: type[Word]) -> Iterator[_Row]:
    for name, kind in _arguments(cls):
        if kind.required and len(kind.words) == 1:
            continue  # no more than a word to be written: `with` of replace
        default = "required" if kind.required else written(kind.field.default) or NONE
        yield _Row(name, default, kind.field.description or "", _takes(kind))
    fewest, most = cls.blocks
    if most:
        count = "required" if fewest == most else f"{fewest} or more" if fewest else NONE
        yield _Row("{ … }", count, "; ".join(cls.about_blocks) or "a block", "")


def _takes(kind: Kind) -> str:
    many = "one or more" if kind.required else "any number"
    return f"{kind.expects}; {many} of them" if _is_list(kind) else kind.expects


def _is_list(kind: Kind) -> bool:
    return kind.variadic and kind.positional


def _table(rows: list[_Row]) -> Iterator[Line]:
    header = _Row("argument", "default", "what it is, and what it takes", "")
    name = max(len(row.name) for row in (header, *rows))
    default = max(len(row.default) for row in (header, *rows))
    indent = 2 + name + 2 + default + 2
    for row in (header, *rows):
        styles = ("dim", "dim", "dim") if row is header else ("strong", "", "dim")
        described = [Piece(text, styles[1]) for text in wrap(row.description, WIDTH - indent)]
        taken = [Piece(text, styles[2]) for text in wrap(row.takes, WIDTH - indent)]
        first, *more = described + taken
        yield line(
            Piece(f"  {row.name.ljust(name)}", styles[0]),
            Piece(f"  {row.default.ljust(default)}  ", styles[1]),
            first,
        )
        yield from (line(Piece(" " * indent), text) for text in more)


# --- json -------------------------------------------------------------------------------------


def as_json(cls: type[Word]) -> dict[str, Any]:
    """A word for `--format json`; docs/json.md says what the fields mean."""
    return {
        "word": cls.word,
        "stands": _where(cls),
        "usage": usage(cls),
        "summary": summary(cls),
        "text": _text(cls),
        "labelled": cls.labelled,
        "blocks": list(cls.blocks),
        "arguments": [_argument_json(cls, name, kind) for name, kind in _arguments(cls)],
        "words": [word.word for word in beneath(cls)],
        "example": cleandoc(cls.example),
        "figures": [
            {
                "name": part.name,
                "input": list(part.input.dims),
                "output": list(part.output.dims),
                "params": part.params,
                "macs": part.macs,
            }
            for part in figures(cls)
        ],
    }


def _argument_json(cls: type[Word], name: str, kind: Kind) -> dict[str, Any]:
    return {
        "name": name,
        "description": kind.field.description,
        "takes": kind.expects,
        "required": kind.required,
        "default": None if kind.required else written(kind.field.default),
        "positional": kind.positional,
        "list": _is_list(kind),
        "words": [
            *kind.words,
            *(kind.family.words if kind.family else ()),
            *(cls.own_references if kind.references else ()),
        ],
    }
