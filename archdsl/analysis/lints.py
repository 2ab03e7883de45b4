"""Lints: what can be built and is hardly meant. Each is a function in LINTS; all are warnings.

They read the layers in the order of the text, each with what it reads, so that ends of stages,
blocks, branches and repeats are no walls. They are not asked where a statement is wrong: then the
network is not the one that its author means. Where a shape or a claim is wrong they are.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, islice
from math import prod
from typing import NamedTuple, TypeAlias

from archdsl.analysis import Analysis
from archdsl.definitions import Definition, Module
from archdsl.diagnostics import Diagnostic, Edit, Findings, Fix, Label, Rule, at, catalogue
from archdsl.diagnostics.levels import Levels
from archdsl.network import Branches, Item, Layer, Network, Repeat, Use
from archdsl.shape import Family, Shape
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.words.activation import Softmax
from archdsl.words.dropout import Dropout
from archdsl.words.merge import Concat
from archdsl.words.norm import BatchNorm
from archdsl.words.word import Op

INPUT = -1
"""What the first layers read, among the numbers of layers."""

MAX_LISTED = 6
"""Layers that are shown of those that a finding is about."""

LEAST_SIDE = 8
"""The smallest picture for which an input is taken to be HxWxC: the digits of scikit-learn."""

PICTURE_CHANNELS = (1, 3, 4)
"""Grey, RGB, and RGB with transparency."""


# --- what is read -----------------------------------------------------------------------------


class Reading:
    """A network's layers, joins after their branches, each with the numbers of those it reads."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.layers: list[Layer] = []
        self.reads: list[tuple[int, ...]] = []
        self.end = INPUT
        """The layer whose output is the network's."""
        self.kinds: defaultdict[type[Op], list[int]] = defaultdict(list)
        """The layers by class: most lints ask for a few of them."""
        self.allowing: list[Layer] = []
        """Those that say allow=."""

    @property
    def network(self) -> Network:
        return self.analysis.network

    def those(self, asked: Callable[[type[Op]], bool]) -> list[int]:
        """The layers of the classes that are asked for, in order."""
        return sorted(chain.from_iterable(n for cls, n in self.kinds.items() if asked(cls)))

    @cached_property
    def activations(self) -> dict[int, tuple[int, ...]]:
        """The activations whose numbers a layer gives as they are, or scaled; those of an
        activation are its own. Of a concat there are some if all its branches end in one."""
        found: dict[int, tuple[int, ...]] = {}
        for number in self.those(lambda cls: _is_activation(cls) or _keeps(cls) or cls is Concat):
            if _is_activation(type(self.layers[number].op)):
                found[number] = (number,)
            else:
                found[number] = self.activations_of(self.reads[number], found)
        return found

    def activations_of(
        self, reads: tuple[int, ...], known: dict[int, tuple[int, ...]]
    ) -> tuple[int, ...]:
        """The activations whose numbers are read; none if others are read as well."""
        sources = [known.get(number, ()) for number in reads]
        if not all(sources):
            return ()
        return tuple(islice(dict.fromkeys(chain.from_iterable(sources)), MAX_LISTED))

    @cached_property
    def uses(self) -> Counter[int]:
        """How many layers each statement makes, in blocks and repeats, by its identity."""
        return Counter(id(layer.bound.statement) for layer in self.layers)

    def by_statement(self, numbers: Iterable[int]) -> dict[int, list[int]]:
        """Some layers by the identity of the statement that makes them."""
        found: dict[int, list[int]] = {}
        for number in numbers:
            found.setdefault(id(self.layers[number].bound.statement), []).append(number)
        return found


def reading(analysis: Analysis) -> Reading:
    """A network as the lints read it."""
    found = Reading(analysis)
    for stage in analysis.network.stages:
        found.end = _read(found, stage.items, found.end)
    return found


def _read(found: Reading, items: Sequence[Item], before: int) -> int:
    """Read the parts of a group that gets what layer `before` gives; the layer that it ends in."""
    for item in items:
        match item:
            case Branches():
                ends = tuple(_read(found, branch.items, before) for branch in item.branches)
                before = _add(found, item, ends)
            case Layer():
                before = _add(found, item, (before,))
            case Repeat():
                for iteration in item.iterations:
                    before = _read(found, iteration.items, before)
            case Use():
                before = _read(found, item.body.items, before)
            case _:
                before = _read(found, item.items, before)
    return before


def _add(found: Reading, layer: Layer, reads: tuple[int, ...]) -> int:
    number = len(found.layers)
    op = layer.op
    found.layers.append(layer)
    found.reads.append(reads)
    found.kinds[type(op)].append(number)
    if op.allow:
        found.allowing.append(layer)
    return number


def _is_activation(cls: type[Op]) -> bool:
    return cls.look is Family.ACTIVATION


def _keeps(cls: type[Op]) -> bool:
    """Whether it gives the numbers that it reads, perhaps scaled: identity, flatten, dropout."""
    return cls is Dropout or not cls.computes


def _is_wall(cls: type[Op]) -> bool:
    """Whether dropout does not show after it: a normalisation, a join."""
    return cls.look in (Family.NORMALISATION, Family.JOINING)


# --- the lints --------------------------------------------------------------------------------


class Found(NamedTuple):
    """A finding, and the layer that can allow it; None for what no layer can."""

    finding: Diagnostic
    layer: Layer | None


Lint: TypeAlias = Callable[[Reading], Iterable[Found]]


def final_activation(net: Reading) -> Iterator[Found]:
    """An activation whose output the loss reads: cross entropy, which wants logits."""
    ends = net.activations.get(net.end, ())
    asked = net.by_statement(ends)
    for number in ends:
        layer = net.layers[number]
        again = isinstance(layer.op, Softmax)
        if net.network.recipe is None and not again:
            continue  # it may be trained elsewhere, or be a part of a network
        takes = "the softmax of it once more" if again else "it for logits, which may be any number"
        yield _found(
            catalogue.FINAL_ACTIVATION,
            layer,
            f"{layer.title} ends the network, and the loss takes {takes}",
            [
                Label(net.layers[before].head, "gives the logits")
                for before in net.reads[number]
                if before != INPUT
            ],
            help="cross entropy wants what comes before it",
            fixes=_removal(net, asked, number),
        )


def two_activations(net: Reading) -> Iterator[Found]:
    """An activation of what another gives."""
    pairs = {
        number: before
        for number in net.those(_is_activation)
        if (before := net.activations_of(net.reads[number], net.activations))
    }
    asked = net.by_statement(pairs)
    for number, before in pairs.items():
        layer, earlier = net.layers[number], [net.layers[other] for other in before]
        yield _found(
            catalogue.TWO_ACTIVATIONS,
            layer,
            f"{layer.title} is an activation right after another, {_listed(earlier)}",
            [Label(other.head, "the one before it") for other in earlier],
            help="one of the two is enough",
            fixes=_removal(net, asked, number)
            if all(other.op == layer.op for other in earlier)
            else (),
        )


def dropout_before_batchnorm(net: Reading) -> Iterator[Found]:
    """A dropout that makes the variance of training another one than that of testing.

    Li, Chen, Hu and Yang, "Understanding the Disharmony between Dropout and Batch Normalization
    by Variance Shift" (2018).
    """
    norms = set(net.those(lambda cls: cls is BatchNorm))
    droppers = set(net.those(lambda cls: cls is Dropout)) if norms else set[int]()
    if not droppers:
        return
    walls = set(net.those(_is_wall))
    dropped: list[int] = []  # of each layer: the dropout that shows in what it gives
    shifted: dict[int, int] = {}
    for number, reads in enumerate(net.reads):
        before = INPUT if len(reads) > 1 or reads[0] == INPUT else dropped[reads[0]]
        if number in norms and before != INPUT:
            shifted.setdefault(before, number)
        dropped.append(number if number in droppers else INPUT if number in walls else before)
    for number, norm in shifted.items():
        layer, normalised = net.layers[number], net.layers[norm]
        yield _found(
            catalogue.DROPOUT_BEFORE_BATCHNORM,
            layer,
            f"{layer.title} shifts the variance that {normalised.title} learns",
            [Label(normalised.head, "divides by it at test time, too")],
            notes=("what is kept is scaled up while training, and varies more than at test time",),
            help="put the dropout after the last batchnorm, or leave it out",
        )


def bias_before_batchnorm(net: Reading) -> Iterator[Found]:
    """A bias that only batchnorms read, which subtract it with the mean."""
    norms = net.those(lambda cls: cls is BatchNorm)
    if not norms:
        return
    readers = Counter(chain.from_iterable(net.reads))
    normalised = Counter(net.reads[norm][0] for norm in norms)
    first = {net.reads[norm][0]: norm for norm in reversed(norms)}
    biased = [
        number
        for number, count in sorted(normalised.items())
        if readers[number] == count and number != INPUT and _has_bias(net.layers[number].op)
    ]
    asked = net.by_statement(biased)
    for number in biased:
        layer, norm = net.layers[number], net.layers[first[number]]
        yield _found(
            catalogue.BIAS_BEFORE_BATCHNORM,
            layer,
            f"{layer.title} learns a bias that {norm.title} takes away again",
            [Label(norm.head, "subtracts the mean, and the bias with it")],
            help="batchnorm shifts by itself, so nothing is lost without the bias",
            fixes=_without_bias(net, asked, number),
        )


def channels_last(net: Reading) -> Iterator[Found]:
    """An input that is written HxWxC."""
    shape, place = net.network.input, net.network.input_span
    if not shape.is_map:
        return
    height, width, channels = shape.dims
    if height != width or height < LEAST_SIDE or channels not in PICTURE_CHANNELS:
        return
    meant = Shape((channels, height, width))
    is_literal = re.fullmatch(r"\d+[x×]\d+[x×]\d+", place.text) is not None
    fix = Fix(f"input {meant}", (Edit(place, str(meant)),))
    finding = at(
        catalogue.CHANNELS_LAST,
        place,
        f"the input {shape} is read as {height} channels of {width}x{channels}",
        label="channels come first here",
        help=(f"a picture of {height}x{width} with {_counted(channels, 'channel')} is {meant}",),
    )
    yield Found(finding._replace(fixes=(fix,) if is_literal else ()), None)


LINTS: tuple[Lint, ...] = (
    final_activation,
    two_activations,
    dropout_before_batchnorm,
    bias_before_batchnorm,
    channels_last,
)
"""Those of networks, in the order of their codes."""


def _found(
    rule: Rule,
    layer: Layer,
    message: str,
    others: Sequence[Label],
    *,
    notes: tuple[str, ...] = (),
    help: str,
    fixes: tuple[Fix, ...] = (),
) -> Found:
    finding = at(rule, layer.head, message, secondary=tuple(others), notes=notes, help=(help,))
    return Found(finding._replace(fixes=fixes).beside(layer.bound.context), layer)


def _listed(layers: Sequence[Layer]) -> str:
    return " and ".join(dict.fromkeys(layer.title for layer in layers))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _has_bias(op: Op) -> bool:
    return op.weighted and bool(getattr(op, "bias", False))


# --- edits ------------------------------------------------------------------------------------


Asked: TypeAlias = dict[int, list[int]]
"""The layers that a lint complains of, by the identity of their statement."""


def _is_certain(net: Reading, asked: Asked, number: int) -> bool:
    """Whether an edit of a layer's statement does to no other layer what is not asked for.

    An edit of what a variant takes from its base would change the base.
    """
    statement = id(net.layers[number].bound.statement)
    is_first = asked[statement][0] == number  # of the others it is told with the first
    every = len(asked[statement]) == net.uses[statement]
    return is_first and every and net.network.definition.base is None


def _removal(net: Reading, asked: Asked, number: int) -> tuple[Fix, ...]:
    """The layer's statement removed, where nothing hangs on it and nothing else stands with it."""
    statement = net.layers[number].bound.statement
    if statement.label or statement.claim or not _is_certain(net, asked, number):
        return ()
    place = _statement_alone(statement.span)
    return (Fix(f"remove {statement.head.text}", (Edit(place, ""),)),) if place else ()


def _statement_alone(span: Span) -> Span | None:
    """A statement with what parts it from its neighbours; None where a comment is about it."""
    source, text = span.source, span.source.text
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    end = len(text) if end < 0 else end
    before, after = text[start : span.start].rstrip(), text[span.end : end].lstrip()
    if not before and not after:
        return Span(source, start - 1, end)  # with the end of the line above, which it has
    if before.endswith(";"):
        return Span(source, start + len(before[:-1].rstrip()), span.end)
    if after.startswith(";"):
        return Span(source, span.start, end - len(after[1:].lstrip()))
    return None


def _without_bias(net: Reading, asked: Asked, number: int) -> tuple[Fix, ...]:
    """bias=no, where the statement leaves it out or says yes."""
    layer = net.layers[number]
    if not _is_certain(net, asked, number):
        return ()
    written = layer.bound.arguments.get("bias")
    head = layer.head
    if written is None:
        edit = Edit(Span(head.source, head.end, head.end), " bias=no")
    elif written.text.endswith("yes"):
        edit = Edit(Span(written.source, written.end - len("yes"), written.end), "no")
    else:
        return ()
    count = sum(_biases(net, other) for other in asked[id(layer.bound.statement)])
    return (Fix("bias=no", (edit,), f"{_counted(count, 'parameter')} fewer" if count else ""),)


def _biases(net: Reading, number: int) -> int:
    """How many biases a layer learns; 0 where that is not known."""
    layer = net.layers[number]
    x = net.analysis.flow(layer).input
    return prod(layer.op.weights(x)["bias"]) if x is not None else 0


# --- names ------------------------------------------------------------------------------------

_NAMES = re.compile(r'#[^\n]*|"[^"\n]*"|(?<![\w.])([A-Za-z_]\w*)\b(?!\s*[=:])')
"""Names as a text uses them: not in comments or quotes, no keys, no labels."""


def unused_names(module: Module) -> Iterator[Diagnostic]:
    """Blocks, lets and parameters that are defined in a file of archs and not used in it."""
    own = module.own
    used = _used(module.source.text) if own.blocks or own.lets else Counter[str]()
    for name, let in own.lets.items():
        if not used[name]:
            yield from _unused("let", let.name)
    for name, block in own.blocks.items():
        if used[name] == 1:  # where it is defined
            yield from _unused("block", block.name)
    variants = [arch.statement.span.text for arch in own.archs.values() if arch.base is not None]
    for definition in (*own.blocks.values(), *own.archs.values()):
        if definition.base is None:  # a variant's parameters are its base's
            yield from _unused_parameters(definition, variants)


def _unused_parameters(definition: Definition, variants: Sequence[str]) -> Iterator[Diagnostic]:
    """The parameters of a definition that neither it nor a variant uses."""
    header = definition.statement.arguments[0].value
    if not isinstance(header, tree.Call):
        return
    used = sum(map(_used, variants), _used(definition.statement.span.text))
    for item in header.arguments:
        if item.key is not None and not used[item.key.text]:
            yield from _unused("parameter", item.key)
        elif isinstance(item.value, tree.Name) and item.key is None and used[item.value.text] == 1:
            yield from _unused("parameter", item.value)


def _used(text: str) -> Counter[str]:
    return Counter(_NAMES.findall(text))


def _unused(what: str, name: tree.Name) -> Iterator[Diagnostic]:
    if not name.text.startswith("_"):
        yield at(
            catalogue.UNUSED_NAME,
            name.span,
            f"the {what} {name.text} is not used",
            help=(f"use it, remove it, or call it _{name.text} if it is meant to be there",),
        )


# --- all of them ------------------------------------------------------------------------------


class Linter:
    """Runs the lints over the networks of one file, then over the file."""

    def __init__(self, levels: Levels) -> None:
        self.levels = levels
        self.told: set[tuple[Rule, Span | None]] = set()
        self.allowing: dict[Span, Layer] = {}
        """A layer of each `allow=`, by the place of that."""
        self.needed: set[tuple[Span, str]] = set()
        """What an `allow=` has allowed, or might have."""

    def network(self, analysis: Analysis) -> Iterator[Diagnostic]:
        """What the lints say of a network and have not said of another one of the file."""
        net = reading(analysis)
        for layer in net.allowing:
            self._allows(analysis, layer)
        findings = Findings()
        for found in chain.from_iterable(lint(net) for lint in LINTS):
            rule = found.finding.rule
            if found.layer is not None and rule.argument in found.layer.op.allow:
                self.needed.add((found.layer.bound.span("allow"), rule.argument))
            elif (graded := self.levels.graded(found.finding)) is not None:
                findings.append(graded)
        for finding in findings.once_each():
            place = finding.rule, finding.primary.span if finding.primary else None
            if place not in self.told:
                self.told.add(place)
                yield finding

    def file(self, module: Module) -> Iterator[Diagnostic]:
        """What the lints say of a file whose networks have all been read."""
        if module.own.archs:
            for finding in (*unused_names(module), *self._unused_allows(module)):
                if (graded := self.levels.graded(finding)) is not None:
                    yield graded

    def _allows(self, analysis: Analysis, layer: Layer) -> None:
        """Take note of an `allow=`, and whether there is a lossy stride for it to allow."""
        place = layer.bound.span("allow")
        self.allowing.setdefault(place, layer)
        flow = analysis.flow(layer)
        bare = layer.op.model_copy(update={"allow": ()})
        if flow.input is None or not flow.sound or analysis.network.overridden:
            self.needed.update((place, name) for name in layer.op.allow)
        else:
            rules = {concern.rule.argument for concern in bare.concerns(flow.input)}
            self.needed.update((place, name) for name in rules)

    def _unused_allows(self, module: Module) -> Iterator[Diagnostic]:
        for place, layer in self.allowing.items():
            names = [name for name in layer.op.allow if (place, name) not in self.needed]
            if names and place.source is module.source:
                finding = at(
                    catalogue.UNUSED_ALLOW,
                    place,
                    f"{layer.title} allows {' and '.join(names)}, and there is none",
                    help=("what allows nothing would hide the next mistake",),
                )
                whole = len(names) == len(layer.op.allow) and layer.head.holds(place)
                blanks = len(place.source.text[: place.start].rstrip(" \t"))
                edit = Edit(Span(place.source, blanks, place.end), "")
                fix = Fix(f"without {place.text}", (edit,), safe=True)
                yield finding._replace(fixes=(fix,) if whole else ())
