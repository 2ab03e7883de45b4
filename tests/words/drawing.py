"""Hypothesis strategies for words and shapes, read off the fields' types and bounds."""

from __future__ import annotations

import types
from math import ceil, floor, inf, nextafter
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import hypothesis.strategies as st
from annotated_types import Ge, Gt, Le, Lt

from archdsl.shape import Shape
from archdsl.words.word import Plain, Word

MAX_CHANNELS = 12
MAX_SIZE = 24
MAX_WINDOW = 7

# Small and highly divisible numbers come often, so that groups divide and windows fit.
COUNTS = [1, 2, 4, 12, 6, 3, 8, 1, 2, 4, 12, 6, 5, 7, 9, 10, 11]
EXTENTS = [1, 2, 3, 0, 1, 2, 3, 5, 1, 2, 1, 4, 6, MAX_WINDOW]


def shapes() -> st.SearchStrategy[Shape]:
    """CxHxW maps, and now and then a vector."""
    count, size = st.sampled_from(COUNTS), st.integers(1, MAX_SIZE)
    maps = st.tuples(count, size, size)
    return st.one_of(maps, maps, maps, st.tuples(count)).map(Shape)


@st.composite
def branches(draw: st.DrawFn) -> list[Shape]:
    """What two to four branches give; half of the time they differ in their channels at most."""
    first = draw(shapes())
    channels = st.one_of(st.just(first.channels), st.sampled_from(COUNTS))
    alike = channels.map(lambda count: Shape((count, *first.dims[1:])))
    others = alike if draw(st.booleans()) else st.one_of(alike, shapes())
    return [first, *draw(st.lists(others, min_size=1, max_size=3))]


def words(cls: type[Word]) -> st.SearchStrategy[Any]:
    """Legal instances of a word: required arguments always, optional ones at times."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in cls.model_fields.items():
        group = required if field.is_required() else optional
        group[name] = _values(field.annotation, field.metadata)
    return st.fixed_dictionaries(required, optional=optional).map(cls.model_validate)


def _values(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    """Values that a field of this type takes. Raises TypeError for a type not known here."""
    origin, members = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _values(members[0], [*metadata, *members[1:]])
    for plain in metadata:
        if isinstance(plain, Plain):
            return _convertible(plain)
    if origin in (Union, types.UnionType):
        return st.one_of([_values(member, metadata) for member in members])
    if origin is Literal:
        return st.sampled_from(members)
    if annotation is type(None):
        return st.none()
    if annotation is int:
        low, high = _bounds(metadata)
        return st.sampled_from([n for n in COUNTS if low <= n <= high])
    if annotation is float:
        low, high = _bounds(metadata)
        # In thousandths: what a person writes, and far from the least float.
        low, high = max(low, -4), min(high, 4)
        return st.integers(ceil(low * 1000), floor(high * 1000)).map(lambda n: n / 1000)
    raise TypeError(f"no strategy for an argument of type {annotation}")


def _convertible(plain: Plain) -> st.SearchStrategy[Any]:
    """What a `Plain` field accepts of small numbers, pairs of them, switches and its own words."""
    pairs = st.tuples(st.sampled_from(EXTENTS), st.sampled_from(EXTENTS))
    single: list[Any] = [*EXTENTS, True, False, *plain.words]
    fits = [value for value in single if plain.convert(value) is not None]
    if plain.convert((1, 1)) is None:
        return st.sampled_from(fits)
    return st.one_of(
        st.sampled_from(fits), pairs.filter(lambda pair: plain.convert(pair) is not None)
    )


def _bounds(metadata: list[Any]) -> tuple[float, float]:
    """The lowest and the highest value that a number's bounds leave, themselves included."""
    low, high = -inf, inf
    for bound in metadata:
        match bound:
            case Ge(ge=float() | int() as limit):
                low = limit
            case Gt(gt=float() | int() as limit):
                low = nextafter(limit, inf)
            case Le(le=float() | int() as limit):
                high = limit
            case Lt(lt=float() | int() as limit):
                high = nextafter(limit, -inf)
            case _:
                raise TypeError(f"no strategy for a number with the bound {bound}")
    return low, high
