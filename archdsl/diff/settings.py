"""What differs beside the layers: input, devices and parameters; initial weights; the recipe."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from archdsl.diff.tell import Change
from archdsl.diff.values import Value, differing, phrase, sized, text
from archdsl.network import Network, Stage
from archdsl.words.recipe import Recipe, Scale
from archdsl.words.word import Word

Stages = Sequence[tuple[Stage | None, Stage | None]]
"""Stages and what became of them."""


def header(original: Network, explained: Network, after: Network) -> Iterator[Change]:
    """Parameters, input and devices; what follows from a parameter is not told again."""
    old, new = original.parameters, after.parameters
    for name, value in old.items():
        if name not in new:
            yield Change("removed", f"parameter {name}={text(sized(value))} removed")
        elif new[name] != value:
            yield _first(Value(name, sized(value), sized(new[name])))
    for name, value in new.items():
        if name not in old:
            yield Change("added", f"parameter {name}={text(sized(value))} added")
    if after.input not in (explained.input, original.input):
        yield _first(Value("input", original.input, after.input))
    if after.devices not in (explained.devices, original.devices):
        yield _first(Value("devices", original.devices, after.devices))


def _first(value: Value) -> Change:
    return Change("changed", value.named_first, values=(value,))


# --- initial weights --------------------------------------------------------------------------


def initial(before: Network, after: Network, stages: Stages) -> Iterator[Change]:
    """Distributions and biases that differ, with the stages of which they do.

    Of a new stage, what a line that names it says. A stage that is gone takes its lines along.
    """
    changes = list(_initial(before, after, stages))
    if changes and not after.inits:
        yield Change("removed", "init removed: PyTorch's weights and biases")
    else:
        yield from changes


def _initial(before: Network, after: Network, stages: Stages) -> Iterator[Change]:
    weighted = [
        (x, y) for x, y in stages if y is not None and any(layer.op.weighted for layer in y.layers)
    ]
    for field in ("weights", "bias"):
        found: dict[tuple[object, object], list[str]] = defaultdict(list)
        new: dict[object, list[str]] = defaultdict(list)
        for x, y in weighted:
            value = _effective(after, y.name, field)
            if x is not None and (old := _effective(before, x.name, field)) != value:
                found[old, value].append(y.name)
            elif x is None and value != _effective(after, "", field):
                new[value].append(y.name)
        for (old, value), names in found.items():
            where = "" if len(names) == len(weighted) else f" in {', '.join(names)}"
            told = f"init: {field} {_default(old)} → {_default(value)}{where}"
            yield Change("changed", told, tuple(names), (Value(field, old, value),))
        for value, names in new.items():
            told = f"init: {field} {_default(value)} in the new {', '.join(names)}"
            yield Change("added", told, tuple(names), (Value(field, None, value),))


def _effective(network: Network, stage: str, field: str) -> object:
    """What the last line says that is of a stage; that of none is what no line names it for."""
    found = None
    for bound in network.inits:
        value = getattr(bound.word, field)
        if value is not None and (not bound.word.stages or stage in bound.word.stages):
            found = value
    return found


def _default(value: object) -> str:
    return "PyTorch's" if value is None else text(value)


# --- the recipe -------------------------------------------------------------------------------


def recipe(before: Network, after: Network, stages: Stages) -> Iterator[Change]:
    """The lines of the train blocks that differ; nothing where one of them is wrong."""
    if not (before.recipe_sound and after.recipe_sound):
        return
    old, new = before.recipe, after.recipe
    if (old or Recipe()) == (new or Recipe()):  # without a recipe, training uses its defaults
        return
    if old is None or new is None:
        if new is not None:
            yield Change("added", f"training added: {_summary(new)}")
        elif old is not None:
            yield Change("removed", "training removed")
        return
    if (old.epochs is None) != (new.epochs is None):
        yield Change("changed", f"training: {_length(old)} → {_length(new)}")
    for name in Recipe.model_fields:
        x, y = getattr(old, name), getattr(new, name)
        if name == "scale":
            yield from _scales(x, y, stages)
        elif x != y and not (name in ("epochs", "steps") and None in (x, y)):
            yield _setting(name, x, y)


def _setting(name: str, x: object, y: object) -> Change:
    if isinstance(x, Word) and type(x) is type(y) and isinstance(y, Word):
        values = tuple(differing(x, y))
        return Change("changed", f"{name}: {', '.join(map(str, values))}", values=values)
    if x is None:
        return Change("added", f"{_setting_phrase(name, y)} added")
    if y is None:
        return Change("removed", f"{name} removed")
    return _first(Value(name, x, y))


def _length(recipe: Recipe) -> str:
    if recipe.epochs is None:
        return f"{text(recipe.steps)} steps"
    return f"{text(recipe.epochs)} epochs"


def _setting_phrase(name: str, value: object) -> str:
    said = text(value)
    return said if said.split(" ")[0] == name else f"{name} {said}"


def _summary(recipe: Recipe) -> str:
    """A recipe's settings that are not the defaults, in the order of the reference."""
    default = Recipe()
    return " · ".join(
        _setting_phrase(name, value)
        for name in Recipe.model_fields
        if name != "scale"
        and (value := getattr(recipe, name)) is not None
        and (value != getattr(default, name) or name == "optimizer")
    )


def _scales(before: Sequence[Scale], after: Sequence[Scale], stages: Stages) -> Iterator[Change]:
    """Multipliers, by what they are of; those of a stage that is gone are gone with it."""
    names = {x.name: y.name if y is not None else None for x, y in stages if x is not None}
    renamed = [
        scale.model_copy(update={"target": target})
        for scale in before
        if (target := names.get(scale.target, scale.target)) is not None
    ]
    old, new = _by_target(renamed), _by_target(after)
    for key in {**old, **new}:
        x, y = old.get(key), new.get(key)
        if x is None and y is not None:
            yield Change("added", f"{phrase(y)} added", (y.target,))
        elif x is not None and y is None:
            yield Change("removed", f"scale {x.target} removed", (x.target,))
        elif x is not None and y is not None and x != y:
            values = tuple(differing(x, y))
            said = f"scale {x.target}: {', '.join(map(str, values))}"
            yield Change("changed", said, (x.target,), values)


def _by_target(scales: Sequence[Scale]) -> Mapping[tuple[str, int], Scale]:
    counts = Counter[str]()
    found: dict[tuple[str, int], Scale] = {}
    for scale in scales:
        found[scale.target, counts[scale.target]] = scale
        counts[scale.target] += 1
    return found
