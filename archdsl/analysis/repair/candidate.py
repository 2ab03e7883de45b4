"""What a repair is made of: an edit of the text, and the network that it makes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.diagnostics import Edit
from archdsl.network import Layer, Network
from archdsl.shape import Window
from archdsl.source import Span
from archdsl.words.word import Op

Value: TypeAlias = "Window | int | bool | str"
Change: TypeAlias = Callable[[Network], Network | None]
"""The network after an edit; None where there is none, or where nothing more can be edited."""

Rewrite: TypeAlias = Callable[[Sequence[Edit]], Network | None]
"""The network of a text after edits of it, for what changes more than the layers themselves."""

READING = 10
"""How many times as long it takes to read a text again as to pass through its layers."""

MAX_NAMED = 3
"""Layers that the title of an edit names."""

LITERAL = re.compile(r"(\w+\s*=\s*)?([\d_]+([x×][\d_]+)*|yes|no|floor|ceil|same)")
"""An argument that is written out, and not by a parameter, which stands for more than this."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An edit of a spec that is tried: how it is written, and the network that it makes.

    `added` says that it adds an argument rather than change what the author wrote; `size` is how
    large the change is, relative to what it changes. `about` names what is changed: of the
    candidates about one thing, one is offered.
    """

    title: str
    edits: tuple[Edit, ...]
    change: Change
    about: tuple[object, ...]
    added: bool = False
    size: float = 1.0
    remark: str = ""
    head: Span | None = None
    """The one statement that it changes, which need not be named where that is complained of."""
    subject: str = ""
    """What a person calls that statement's layer."""
    condition: str = ""
    """What it makes of the network, as it ends a sentence: `without groups=2`."""
    cost: int = 1
    """How many times as long as a change of a layer it takes to try."""

    def called(self, head: Span | None) -> str:
        """The title; with the layer's name, unless `head` is the statement that it changes."""
        own = self.head is None or self.head == head
        return self.title if own or not self.subject else f"{self.subject} {self.title}"

    def beside(self, other: Candidate) -> Candidate:
        """Both of them."""

        def both(network: Network) -> Network | None:
            changed = self.change(network)
            return other.change(changed) if changed is not None else None

        same = self.head if self.head == other.head else None
        titles = (self.title, other.title) if same else (self.called(None), other.called(None))
        return Candidate(
            title=" and ".join(titles),
            edits=(*self.edits, *other.edits),
            change=both,
            about=(*self.about, *other.about),
            added=self.added or other.added,
            size=self.size + other.size,
            cost=max(self.cost, other.cost),
            remark=", ".join(filter(None, (self.remark, other.condition if self.remark else ""))),
            head=same,
            subject=self.subject if same else "",
        )


Family: TypeAlias = Iterator[Candidate]
"""Candidates about one thing, the smallest change first."""


def argument(
    network: Network,
    layers: Sequence[Layer],
    field: str,
    value: Value,
    size: float,
    remark: str = "",
) -> Candidate | None:
    """One argument of some statements' layers changed alike; None where it cannot be written so.

    `layers` are one of each statement; what else the same statement makes changes with it, but in a
    variant, where its edits change one layer each.
    """
    edits: list[Edit] = []
    texts: set[str] = set()
    for layer in layers:
        edit = _edit(network, layer, field, value)
        if edit is None:
            return None
        texts.add(edit[0])
        edits.append(edit[1])
    heads = {layer.head for layer in layers if not inherited(network, layer.head)}
    paths = {layer.path for layer in layers if inherited(network, layer.head)}

    def changed(other: Layer) -> Layer:
        if other.head not in heads and other.path not in paths:
            return other
        word = other.op.model_copy(update={field: value})
        return other.with_changes(bound=other.bound._replace(word=word))

    first, *more = layers
    title, subject = min(texts), _subject(network, first)
    done = _done(first, field, value)
    if more:
        title, subject = f"{_named(layers)} {done}", ""
    return Candidate(
        title=title,
        edits=tuple(edits),
        change=lambda network: network.mapped(changed),
        about=(field, *(layer.head for layer in layers)),
        added=any(field not in layer.bound.arguments for layer in layers),
        size=size,
        remark=remark,
        head=first.head if not more and first.head in heads else None,
        subject=subject,
        condition=done if done.startswith("without") else f"with {done}",
    )


def _edit(network: Network, layer: Layer, field: str, value: Value) -> tuple[str, Edit] | None:
    """How the change of an argument is called, and the edit that makes it."""
    text = f"{field}={written_out(value)}"
    written = layer.bound.arguments.get(field)
    if inherited(network, written or layer.head):
        title = f"set {layer.title} {text}"
        return title, added_to_variant(network, title)
    if written is None:
        end = layer.head.end
        return text, Edit(Span(layer.head.source, end, end), f" {text}")
    if not LITERAL.fullmatch(written.text):
        return None
    done = _done(layer, field, value)
    if done != text:
        return done, Edit(_with_space_before(written), "")
    return text, Edit(written, text if "=" in written.text else written_out(value))


def _done(layer: Layer, field: str, value: Value) -> str:
    """What is done to a layer's argument: `pad=2`, or `without groups=2` where that is enough."""
    written = layer.bound.arguments.get(field)
    if written is not None and "=" in written.text and value == _default(layer.op, field):
        return f"without {written.text}"
    return f"{field}={written_out(value)}"


def _subject(network: Network, layer: Layer) -> str:
    """What a statement is called: its layer's name; its line where it makes several layers."""
    return layer.title if network.made[layer.head] == 1 else f"line {layer.head.line}:"


def _named(layers: Sequence[Layer]) -> str:
    names = [layer.title for layer in layers]
    if len(names) > MAX_NAMED:
        return f"{len(names)} layers"
    return ", ".join(names)


def written_out(value: Value) -> str:
    """A value as a spec writes it: `yes`, `3`, `3x5`."""
    match value:
        case bool():
            return "yes" if value else "no"
        case Window():
            return value.brief
        case _:
            return str(value)


def _default(op: Op, field: str) -> object:
    return op.arguments()[field].field.default


def _with_space_before(span: Span) -> Span:
    """An argument with the blanks before it, so that none are left where it is removed."""
    before = span.source.text[: span.start]
    return Span(span.source, len(before.rstrip(" \t")), span.end)


def inherited(network: Network, place: Span) -> bool:
    """Whether a place is in the base of a variant, where an edit would change the base as well."""
    arch = network.definition
    return arch.base is not None and not arch.statement.span.holds(place)


def added_to_variant(network: Network, statement: str) -> Edit:
    """A statement more at the end of a variant's block."""
    block = network.definition.statement.blocks[0].span
    inside = block.text[:-1]
    if "\n" in inside and not inside.rpartition("\n")[2].strip():  # the brace has its own line
        place = Span(block.source, block.end - 1, block.end - 1)
        return Edit(place, f"  {statement}\n")
    end = block.start + len(inside.rstrip())
    return Edit(Span(block.source, end, end), f"; {statement}")
