"""What comments and docstrings say of shapes, where one text is for several places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archdsl.codegen.definitions import Definition
from archdsl.codegen.sketch import Chain, Join
from archdsl.codegen.values import Scope
from archdsl.shape import Shape
from archdsl.syntax.tree import comment_above

AXES = ("H", "W")
"""Height and width of what comes into a class or function, where they differ between its uses."""


def comment(shapes: Sequence[Shape], scope: Scope) -> str:
    """What comes out of a part: `64x56x56` where that is so everywhere, else `width x H/2 x W/2`.

    Nothing where height and width are those that come in, or follow from no parameter.
    """
    if len(set(shapes)) > 1 and [found.dims[1:] for found in shapes] == [
        found.dims[1:] for found in scope.inputs
    ]:
        return ""
    return _written(shapes, [scope.describe([s.channels for s in shapes])], scope)


def _written(shapes: Sequence[Shape], channels: Sequence[str | None], scope: Scope) -> str:
    """Shapes with channels that are the sum of those given; nothing if they cannot be written."""
    if len(set(shapes)) == 1 and None not in channels:
        return str(shapes[0])
    if len({found.is_map for found in shapes}) > 1:
        return ""
    summed = " + ".join(filter(None, channels))
    sizes: list[str | None] = [*channels, summed if len(channels) == 1 else f"({summed})"]
    if shapes[0].is_map:
        sizes += [_size(axis, [found.dims[axis] for found in shapes], scope) for axis in (1, 2)]
    known = [size for size in sizes if size is not None]
    return " x ".join(known[len(channels) :]) if len(known) == len(sizes) else ""


def _size(axis: int, sizes: Sequence[int], scope: Scope) -> str | None:
    """A height or width, as a part of that which comes in."""
    if len(set(sizes)) == 1:
        return str(sizes[0])
    if not all(found.is_map for found in scope.inputs):
        return None
    whole = [found.dims[axis] for found in scope.inputs]
    if any(before % after for before, after in zip(whole, sizes, strict=True)):
        return None
    name = AXES[axis - 1]
    parts = scope.describe([before // after for before, after in zip(whole, sizes, strict=True)])
    if parts is None:
        return None
    return name if parts == "1" else f"{name}/{parts}"


def about(definition: Definition, scope: Scope) -> Iterator[str]:
    """The paragraphs of a docstring: the block's comment, what it is called, takes and gives."""
    chain = definition.chains[0]
    block = chain.home.block
    comment = comment_above(block.statement) if block is not None and chain.used else ""
    if comment:
        yield comment
    chains = definition.chains
    input = _written([c.input for c in chains], [scope.describe(_inputs(chains))], scope)
    output = _written([c.output for c in chains], _channels(chains, scope), scope)
    name = f"`{definition.title}`"
    yield f"{name}: {input} to {output}." if input and output else f"{name} of the spec."


def _inputs(chains: Sequence[Chain]) -> list[int]:
    return [chain.input.channels for chain in chains]


def _channels(chains: Sequence[Chain], scope: Scope) -> list[str | None]:
    """What comes out of chains, of a join's branches one by one if it is their sum."""
    outputs = [chain.output.channels for chain in chains]
    whole = scope.describe(outputs)
    last = [chain.parts[-1] for chain in chains]
    joins = [part for part in last if isinstance(part, Join)]
    if whole is not None or not joins:
        return [whole]
    branches = [[b.output.channels for b in join.branches] for join in joins]
    if [sum(counts) for counts in branches] != outputs:
        return [None]
    return [scope.describe(column) for column in zip(*branches, strict=True)]
