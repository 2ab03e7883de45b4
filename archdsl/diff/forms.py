"""What parts of networks are, apart from where they stand: their forms, and how unlike two are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import pairwise

from archdsl.analysis import Shapes
from archdsl.diff.align import GAP, Pair, aligned, rising
from archdsl.diff.values import Value, differing, effective
from archdsl.network import Body, Branches, Group, Item, Layer, Network, Repeat, Stage, Use
from archdsl.words.word import Op, Unbound

APART = 6
"""How unlike two groups are that have no word in common."""


def called(item: Item) -> str:
    """The word that a part was written with: a layer's, a block's name, a stage's label."""
    match item:
        case Stage():
            return item.name
        case Use():
            return item.block.name.text
        case _:
            return item.bound.statement.word.text


class Forms:
    """A number for everything that parts are made of: the same for parts that are alike.

    Claims, ways of writing the same arguments, arguments that come to the same, and those of blocks
    that nothing follows from make no difference. Labels do: weights are stored under them.
    """

    def __init__(self, *networks: tuple[Network, Shapes]) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._of: dict[int, int] = {}
        self._effects: dict[int, Op] = {}
        self._networks = networks
        """Kept, so that the identities of their parts stay theirs."""
        for network, shapes in networks:
            for layer in network.layers:
                self._effects[id(layer)] = effective(layer.op, shapes.flows[layer.path].input)
            for stage in network.stages:
                self._item(stage)

    def effects(self, layer: Layer) -> Op:
        """What the layer's arguments come to."""
        return self._effects[id(layer)]

    def __call__(self, part: Item | Body) -> int:
        return self._of[id(part)]

    def _item(self, item: Item) -> int:
        match item:
            case Stage():
                form: Hashable = (item.name, item.labelled, *map(self._item, item.items))
            case Use():
                form = ("use", item.block.name.text, self._body(item.body))
            case Repeat():
                form = ("repeat", *map(self._body, item.iterations))
            case Branches():
                form = (type(item.op), self.effects(item), *map(self._body, item.branches))
            case _:
                wrong = item.head.text if isinstance(item.op, Unbound) else None
                form = (type(item.op), self.effects(item), wrong)
        return self._number(item, form)

    def _body(self, body: Body) -> int:
        return self._number(body, ("body", *map(self._item, body.items)))

    def _number(self, part: Item | Body, form: Hashable) -> int:
        number = self._numbers.setdefault(form, len(self._numbers))
        self._of[id(part)] = number
        return number

    def differing(self, x: Layer, y: Layer) -> list[Value]:
        """The arguments that differ, with what they come to."""
        return list(differing(x.op, y.op, (self.effects(x), self.effects(y))))

    # --- how unlike ---------------------------------------------------------------------------

    def distance(self, x: Item, y: Item) -> int | None:
        """How much had to be said if `x` became `y`; None if it cannot have."""
        if self(x) == self(y):
            return 0
        match x, y:
            case Stage(), Stage() if not (x.labelled or y.labelled):
                return 3 + self._unlike(x, y)  # each is the first there, whatever it is called
            case Stage(), Stage():
                return self._between(x, y, 3) if _share_words(x, y) else None
            case Use(), Use() if called(x) == called(y):
                return 3 + min(3, len(x.parameters.items() ^ y.parameters.items()))
            case Use(), Use():
                return 10
            case Repeat(), Repeat():
                firsts = list(zip(x.iterations[:1], y.iterations[:1], strict=False))
                return 4 + sum(self._unlike(*bodies) for bodies in firsts)
            case Repeat(), Layer() | Use():
                return self._once(x, y)
            case Layer() | Use(), Repeat():
                return self._once(y, x)
            case Branches(), Branches():
                return 5 if type(x.op) is type(y.op) else 8
            case Layer(), Layer() if called(x) == called(y):
                return 2 + min(4, len(self.differing(x, y)))
            case Layer(), Layer() if not isinstance(x, Branches) and not isinstance(y, Branches):
                looks = {getattr(layer.op, "look", layer.path) for layer in (x, y)}
                return 8 if len(looks) == 1 else None
        return None

    def _once(self, repeat: Repeat, item: Item) -> int | None:
        """A part that became several of its kind, or the other way round."""
        single = only(repeat)
        distance = self.distance(single, item) if single is not None else None
        return None if distance is None else distance + 1

    def _between(self, x: Group, y: Group, least: int) -> int | None:
        """How unlike two groups are; None if they have no word in common."""
        unlike = self._unlike(x, y)
        return None if unlike == APART else least + unlike

    def _unlike(self, x: Group, y: Group) -> int:
        """From 0 for groups of the same parts to APART for groups that have no word in common."""
        most = max(len(x.items), len(y.items))
        words = (_words(x.items) & _words(y.items)).total()
        if not most or not words:
            return APART if most else 0
        parts = (Counter(map(self, x.items)) & Counter(map(self, y.items))).total()
        return (2 * APART - 1) * (2 * most - words - parts) // (4 * most)

    def apart(self, x: Body, y: Body) -> int | None:
        """How unlike two branches are."""
        if self(x) == self(y):
            return 0
        distance = self._between(x, y, 1)
        return 2 * GAP - 1 if distance is None else distance

    # --- side by side -------------------------------------------------------------------------

    def beside(
        self, before: Sequence[Item], after: Sequence[Item]
    ) -> tuple[list[Pair], dict[int, int]]:
        """Parts and what became of them: stages of the same label, else by what they are made of.

        Also where those have gone that stand elsewhere now; among the pairs they are removed and
        added.
        """
        names = {item.name: place for place, item in enumerate(after) if isinstance(item, Stage)}
        same = [
            (place, names[item.name])
            for place, item in enumerate(before)
            if isinstance(item, Stage) and item.name in names
        ]
        anchors = [same[position] for position in rising([place for _, place in same])]
        moved = dict(sorted(set(same) - set(anchors)))
        arrived = set(moved.values())
        pairs: list[Pair] = []
        ends = [(-1, -1), *anchors, (len(before), len(after))]
        for (i, j), (k, m) in pairwise(ends):
            old = [place for place in range(i + 1, k) if place not in moved]
            new = [place for place in range(j + 1, m) if place not in arrived]
            gap = aligned([before[n] for n in old], [after[n] for n in new], self.distance)
            pairs += [
                (None if a is None else old[a], None if b is None else new[b]) for a, b in gap
            ]
            pairs += [(place, None) for place in range(i + 1, k) if place in moved]
            pairs += [(None, place) for place in range(j + 1, m) if place in arrived]
            pairs.append((k, m))
        del pairs[-1]
        return pairs, moved | self._moved(before, after, pairs, moved)

    def _moved(
        self,
        before: Sequence[Item],
        after: Sequence[Item],
        pairs: Sequence[Pair],
        known: Mapping[int, int],
    ) -> dict[int, int]:
        """Parts that are the only ones of their form, or else of their word, to go and to come."""
        arrived = set(known.values())
        gone = [i for i, j in pairs if i is not None and j is None and i not in known]
        new = [j for i, j in pairs if j is not None and i is None and j not in arrived]
        moved = _matched([self(before[i]) for i in gone], [self(after[j]) for j in new])
        words = _matched(
            [None if n in moved else called(before[i]) for n, i in enumerate(gone)],
            [None if n in moved.values() else called(after[j]) for n, j in enumerate(new)],
        )
        return {gone[n]: new[m] for n, m in (words | moved).items()}


def _matched(gone: Sequence[Hashable], new: Sequence[Hashable]) -> dict[int, int]:
    """Positions of what is there once on either side. None is nothing."""
    once, others = Counter(gone), Counter(new)
    places = {key: n for n, key in enumerate(new)}
    return {
        n: places[key]
        for n, key in enumerate(gone)
        if key is not None and once[key] == 1 and others[key] == 1
    }


def only(repeat: Repeat) -> Item | None:
    """What a repeat repeats, if that is one part."""
    items = repeat.iterations[0].items if repeat.iterations else ()
    return items[0] if len(items) == 1 else None


def _share_words(x: Group, y: Group) -> bool:
    """Whether half of the words are common to both: else one is no new name of the other."""
    common = (_words(x.items) & _words(y.items)).total()
    return 2 * common >= max(len(x.items), len(y.items))


def _words(items: Iterable[Item]) -> Counter[str]:
    return Counter(map(called, items))
