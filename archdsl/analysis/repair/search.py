"""The search for repairs: every edit is tried by running the analyses on what it makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, islice, permutations

from archdsl.analysis import Analysis, Verdict, analyse
from archdsl.analysis.repair import declarations, layers
from archdsl.analysis.repair.candidate import Candidate, Family, Rewrite, inherited
from archdsl.analysis.repair.layers import Wanted
from archdsl.analysis.repair.outcome import Outcome, Problem, Rank, about_shapes, is_of, problem
from archdsl.analysis.repair.telling import with_fixes
from archdsl.analysis.shapes import ClaimedShape, infer
from archdsl.diagnostics import Diagnostic, Findings, catalogue
from archdsl.network import Branches, Layer, Network, Use
from archdsl.source import Span
from archdsl.words.bind import Bound
from archdsl.words.declaration import Expect

EFFORT = 45_000
"""Layers that are passed through in search of repairs, for all findings of a file together: less
than half a second. AlexNet under 300 edits takes 20,000."""

OVERHEAD = 20
"""What trying an edit takes beside the passes through layers and claims, in layers."""

SHARE = 4
"""The edits of one thing, such as the input's size, take this part of what effort is left."""

NEAREST = 8
"""Layers before what is wrong that are changed before anything else is."""

TYPO = 0.5
"""A number that changes by more, relative to the larger of the two, was no typo."""

MAX_SHAPES = 4
"""Shapes of branches that are compared with one another."""

MAX_REPAIRED = 20
"""Findings of a network for which edits are looked for, the first ones."""

MAX_OFFERED = 4
"""Edits that are offered for one finding."""

REPAIRED = frozenset(
    (
        catalogue.LOSSY_STRIDE,
        catalogue.INDIVISIBLE,
        catalogue.JOIN_MISMATCH,
        catalogue.WRONG_SHAPE,
        catalogue.WRONG_CLAIM,
    )
)
"""What edits are looked for."""


class Effort:
    """What is left for the search for repairs, in layers, for all networks of a file together."""

    def __init__(self) -> None:
        self.left = EFFORT


def with_repairs(
    analysis: Analysis, findings: Findings, again: Rewrite, effort: Effort
) -> Findings:
    """The findings, with the edits of the spec that would mend them, the likeliest first.

    An edit is offered if the finding goes away, no other finding about shapes comes, no true shape
    claim becomes false, and it does not break more than it mends; what it does to other claims is
    said. Edits are ranked by the shape claims that they make true, and by what stays wrong with
    shapes; then those of a number that the author wrote come before added arguments; then by the
    size of the change, relative to what it changes; then by the other claims that they make true.
    Pairs of edits are tried where no single one helps. `again` gives the network of the text after
    edits on which more depends than the layers that are there.
    """
    if not any(finding.rule in REPAIRED for finding in findings):
        return findings
    return _Search(analysis, findings, again, effort).repaired()


class _Search:
    def __init__(
        self, analysis: Analysis, findings: Findings, again: Rewrite, effort: Effort
    ) -> None:
        self.analysis = analysis
        self.again = again
        self.network = analysis.network
        self.findings = findings
        self.wanting = [finding for finding in findings if finding.rule in REPAIRED][:MAX_REPAIRED]
        figures = [f for f in self.wanting if f.rule is catalogue.WRONG_CLAIM]
        self.mendable = [f for f in self.wanting if f not in figures] or self.wanting
        """What the search is for: what is wrong with shapes, else with figures."""
        self.problems = about_shapes(findings)
        self.effort = effort
        self.cost = OVERHEAD + len(self.network.layers) + 2 * len(analysis.verdicts)
        """Of trying one edit."""
        self.statements = _statements(self.network)
        self.candidates: list[Candidate] = []
        """The single edits that were tried."""
        self.outcomes: list[Outcome] = []
        """Those edits and pairs of them that break nothing."""
        claims = analysis.shapes.claims
        self.true_shapes = [path for path, claimed in claims.items() if claimed.holds]

    def repaired(self) -> Findings:
        for family in self._families():
            if self.effort.left <= 0:
                break
            self._try(family)
        fixes = {finding.identity: self._best(finding) for finding in self.wanting}
        if not all(fixes.values()):
            self._try_pairs([f for f in self.wanting if not fixes[f.identity]])
            for finding in self.wanting:
                fixes[finding.identity] = fixes[finding.identity] or self._best(finding)
        return Findings(
            with_fixes(finding, fixes.get(finding.identity, []), self.analysis)
            for finding in self.findings
        )

    # --- trying -------------------------------------------------------------------------------

    def _families(self) -> Iterator[Family]:
        """What is tried, the likeliest cause first: where it is wrong, the input, and then the
        layers before it, the nearest first."""
        fields, wanted = self._fields(), _wanted(self.analysis, self.findings)
        expects = [expect for expect in map(self._expect, self.wanting) if expect is not None]
        last = max(map(self._last_cause, self.wanting))
        upstream = list(range(last, -1, -1))
        near = self._nearest(last)
        for expect in expects:
            yield declarations.of_claim(expect)
        for n in near:
            yield from layers.of_layer(self.analysis, self.statements[n], fields, wanted)
        if fields & layers.OF_SPACE:
            yield declarations.of_input(self.network)
            yield from declarations.of_parameters(self.network)
        yield from layers.of_many(self.network, self.statements[: last + 1], fields)
        if fields & layers.OF_CHANNELS:
            yield declarations.of_devices(self.network)
        for use in self._uses(near):
            yield from layers.of_use(use, self.again, wanted)
        for n in upstream:
            if n not in near:
                yield from layers.of_layer(self.analysis, self.statements[n], fields, wanted)
        for expect in expects:
            yield from self._solving(expect)

    def _nearest(self, last: int) -> list[int]:
        """The numbers of the statements that are wrong, each with some before it."""
        wrong = [n for n, layer in enumerate(self.statements) if self._complained_of(layer)]
        near = (m for n in wrong or [last] for m in range(n, max(n - NEAREST, 0) - 1, -1))
        return list(dict.fromkeys(near))

    def _uses(self, near: list[int]) -> list[Use]:
        """The uses of blocks that the statements of these numbers stand in, one of each."""
        found: dict[Span, Use] = {}
        uses = [part for part in self.network.parts if isinstance(part, Use)]
        heads = {self.statements[n].head for n in near}
        for use in uses:
            mine = use.head.source is self.network.source and not inherited(self.network, use.head)
            if mine and any(layer.head in heads for layer in use.body.layers):
                found.setdefault(use.head, use)
        return list(found.values())

    def _try(self, family: Family) -> None:
        """Try the candidates of a family up to the first that mends all that is to be mended."""
        floor = self.effort.left - self.effort.left // SHARE
        for candidate in family:
            if self.effort.left < floor:
                return
            self.candidates.append(candidate)
            outcome = self._tried(candidate)
            if outcome is not None and all(self._mends(outcome, f) for f in self.mendable):
                return

    def _tried(self, candidate: Candidate) -> Outcome | None:
        """What a candidate comes to; None where it breaks something, or no effort is left."""
        self.effort.left -= candidate.cost * self.cost
        if self.effort.left < 0 or (network := candidate.change(self.network)) is None:
            return None
        problems = Findings()
        claims = infer(network, problems, self.analysis.levels).claims
        if not about_shapes(problems) <= self.problems or not self._keeps_true(claims):
            return None
        self.effort.left -= self.cost
        problems = Findings()
        after = analyse(network, problems, self.analysis.levels)
        same_claims = len(after.verdicts) == len(self.analysis.verdicts)  # but with other repeats
        if not same_claims or not (wrong := about_shapes(problems)) <= self.problems:
            return None
        pairs = list(zip(self.analysis.verdicts, after.verdicts, strict=True))
        shapes = _gain(pair for pair in pairs if pair[0].is_shape)
        others = _gain(pair for pair in pairs if not pair[0].is_shape)
        kind = 1 if candidate.added else 2 * (candidate.size > TYPO)
        rank = Rank(-shapes, len(wrong), kind, round(candidate.size, 6), -others)
        balance = shapes + others + _misfits(self.problems) - _misfits(wrong)
        outcome = Outcome(candidate, after, wrong, rank, balance)
        self.outcomes.append(outcome)
        return outcome

    def _keeps_true(self, claims: Mapping[str, ClaimedShape]) -> bool:
        """Whether no shape claim that is true becomes false."""
        return all(path in claims and claims[path].holds for path in self.true_shapes)

    def _try_pairs(self, findings: Iterable[Diagnostic]) -> None:
        """Try two edits at once: a claim read otherwise with any, and two of one statement."""
        expects = [expect for expect in map(self._expect, findings) if expect is not None]
        sound = [outcome.candidate for outcome in self.outcomes]
        pairs = [
            (reading, other)
            for expect in expects
            for reading in declarations.of_claim(expect)
            for other in sound
        ]
        pairs += [
            (one, other)
            for one, other in combinations(self.candidates, 2)
            if one.head is not None and one.head == other.head
        ]
        for one, other in pairs:
            if self.effort.left <= 0:
                return
            if one.about != other.about:
                self._tried(one.beside(other))

    def _solving(self, expect: Bound[Expect]) -> Iterator[Family]:
        """Numbers of filters and of features that make an exact claim true.

        A figure grows by as much with each filter of a layer, so that two values tell which one
        gives the figure that is claimed.
        """
        amount = expect.word.amount
        if not amount.exact or amount.relation != "=":
            return
        for layer in reversed(self.statements):
            for field in ("filters", "features"):
                if field in type(layer.op).arguments():
                    yield self._solution(expect, layer, field)

    def _solution(self, expect: Bound[Expect], layer: Layer, field: str) -> Family:
        now: int = getattr(layer.op, field)
        step = max(getattr(layer.op, "groups", 1), self.network.devices)
        probe = layers.count_of(self.network, layer, field, now + step)
        before = self._figure(self.analysis, expect)
        if probe is None or before is None or (outcome := self._tried(probe)) is None:
            return
        after = self._figure(outcome.analysis, expect)
        if after is None or after == before:
            return
        steps, rest = divmod(int(expect.word.amount.value) - before, after - before)
        if rest == 0 and now + steps * step > 0:
            solved = layers.count_of(self.network, layer, field, now + steps * step)
            if solved is not None:
                yield solved

    def _figure(self, analysis: Analysis, expect: Bound[Expect]) -> int | None:
        found = self._verdict(analysis, expect.statement.head)
        return found.actual if found and isinstance(found.actual, int) else None

    def _verdict(self, analysis: Analysis, place: Span | None) -> Verdict | None:
        """The verdict on the claim that stands at a place of the text as it was."""
        claims = zip(self.analysis.verdicts, analysis.verdicts, strict=True)
        return next((new for old, new in claims if old.span == place), None)

    # --- what is wrong ------------------------------------------------------------------------

    def _fields(self) -> frozenset[str]:
        """The arguments that what is wrong can follow from."""
        fields: set[str] = set()
        for finding in self.wanting:
            match finding.rule:
                case catalogue.LOSSY_STRIDE:
                    fields |= layers.OF_SPACE
                case catalogue.INDIVISIBLE:
                    fields |= layers.OF_CHANNELS
                case catalogue.WRONG_CLAIM:
                    fields |= layers.OF_FIGURES
        for asked, given in _differences(self.analysis):
            fields |= layers.OF_CHANNELS if asked[0] != given[0] else set()
            fields |= layers.OF_SPACE if asked[1:] != given[1:] else set()
        return frozenset(fields)

    def _complained_of(self, layer: Layer) -> bool:
        """Whether a finding is of this layer or of its claim."""
        return any(is_of(finding, layer) for finding in self.wanting)

    def _last_cause(self, finding: Diagnostic) -> int:
        """The number of the last statement that a finding can follow from."""
        expect = self._expect(finding)
        stage = expect.word.stage if expect else None
        group = self.network.groups.get(stage) if stage else None
        heads = {layer.head for layer in group.layers} if group is not None else set()
        own = [
            number
            for number, layer in enumerate(self.statements)
            if layer.head in heads or is_of(finding, layer)
        ]
        return max(own, default=len(self.statements) - 1)

    def _expect(self, finding: Diagnostic) -> Bound[Expect] | None:
        """The claim of a figure that a finding is of."""
        if finding.rule is not catalogue.WRONG_CLAIM or finding.primary is None:
            return None
        place = finding.primary.span
        return next((e for e in self.network.expects if e.statement.head.holds(place)), None)

    # --- choosing -----------------------------------------------------------------------------

    def _mends(self, outcome: Outcome, finding: Diagnostic) -> bool:
        """Whether a candidate, which breaks nothing, makes a finding go away."""
        place = finding.primary.span if finding.primary else None
        if finding.rule in (catalogue.WRONG_CLAIM, catalogue.WRONG_SHAPE):
            expect = self._expect(finding)
            claim = expect.statement.head if expect else place
            found = self._verdict(outcome.analysis, claim)
            return found is not None and found.holds is True
        claims = outcome.analysis.shapes.claims
        own = [
            claims[path].holds
            for path, claimed in self.analysis.shapes.claims.items()
            if claimed.part.head == place
        ]
        return problem(finding) not in outcome.problems and False not in own

    def _best(self, finding: Diagnostic) -> list[Outcome]:
        """The best candidates that mend a finding, one about each thing."""
        mending = [outcome for outcome in self.outcomes if self._mends(outcome, finding)]
        fair = [outcome for outcome in mending if outcome.balance >= 0]
        expect = self._expect(finding)
        if expect is not None and expect.word.amount.relation != "=":
            # Many edits make a bound true; only what could be a slip says something.
            fair = [o for o in fair if len(o.candidate.edits) == 1 and o.rank.kind < 2]
        if fair or finding.rule in (catalogue.WRONG_CLAIM, catalogue.WRONG_SHAPE):
            mending = fair  # a claim is not made true at the cost of several others
        things = {frozenset(outcome.candidate.about) for outcome in mending}
        best: dict[frozenset[object], Outcome] = {}
        for outcome in sorted(mending, key=lambda outcome: outcome.rank):
            about = frozenset(outcome.candidate.about)
            if not any(thing < about for thing in things):  # a part of it is enough
                best.setdefault(about, outcome)
        return list(best.values())[:MAX_OFFERED]


def _statements(network: Network) -> list[Layer]:
    """One layer of each statement, or of a variant's inherited layers each, in the file's order."""
    found: dict[object, Layer] = {}
    for layer in network.layers:
        key = layer.path if inherited(network, layer.head) else layer.head
        found.setdefault(key, layer)
    return list(found.values())


def _misfits(problems: Iterable[Problem]) -> int:
    """How many are of shapes themselves, and not of what is claimed of them."""
    return sum(rule is not catalogue.WRONG_SHAPE for rule, _, _ in problems)


def _gain(pairs: Iterable[tuple[Verdict, Verdict]]) -> int:
    """How many claims more hold."""
    return sum(int(new.holds is True) - int(old.holds is True) for old, new in pairs)


def _differences(analysis: Analysis) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Shapes that are asked for where others are given: by wrong claims and by other branches."""
    for claimed in analysis.shapes.claims.values():
        claim = claimed.part.claim
        if claimed.holds is False and claim is not None and claimed.actual is not None:
            yield claim.shape.dims, claimed.actual.dims
    for layer in analysis.network.layers:
        if isinstance(layer, Branches) and not _is_joined(analysis, layer):
            ends = [analysis.shapes.flows[branch.path].output for branch in layer.branches]
            shapes = [end.dims for end in ends if end is not None]
            yield from permutations(islice(dict.fromkeys(shapes), MAX_SHAPES), 2)


def _is_joined(analysis: Analysis, layer: Branches) -> bool:
    flow = analysis.flow(layer)
    return flow.sound and flow.output is not None


def _wanted(analysis: Analysis, findings: Findings) -> Wanted:
    network = analysis.network
    differences = list(_differences(analysis))
    claims = analysis.shapes.claims.values()
    unjudged = [c.part.claim.shape.channels for c in claims if c.part.claim and c.actual is None]
    indivisible = any(finding.rule is catalogue.INDIVISIBLE for finding in findings)
    groups = {getattr(layer.op, "groups", 1) for layer in network.layers} if indivisible else set()
    return Wanted(
        counts=frozenset((*(asked[0] for asked, _ in differences), *unjudged)),
        steps=frozenset(asked[0] - given[0] for asked, given in differences),
        divisors=frozenset({*groups, network.devices} - {1}) if indivisible else frozenset(),
    )
