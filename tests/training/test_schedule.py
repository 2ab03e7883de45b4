"""Learning rates, step by step, by hand."""

import pytest

from archdsl.training.schedule import Clock, Schedule, schedule
from archdsl.words.recipe import Constant, Cosine, Milestones, Plateau, Step

STEPS = Clock(steps=12, per_epoch=4, unit=1)
EPOCHS = Clock(steps=12, per_epoch=4, unit=4)


def factors(of: Schedule, count: int = 12) -> list[float]:
    return [of.factor(step) for step in range(count)]


def test_constant() -> None:
    assert factors(schedule(Constant(), STEPS)) == [1.0] * 12


def test_step_counts_what_the_recipe_counts() -> None:
    word = Step(every=2, factor=0.5)
    assert factors(schedule(word, STEPS), 6) == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert factors(schedule(word, EPOCHS)) == [1.0] * 8 + [0.5] * 4


def test_milestones() -> None:
    word = Milestones(at=(1, 2), factor=0.1)
    expected = [1.0] * 4 + [0.1] * 4 + [0.01] * 4
    assert factors(schedule(word, EPOCHS)) == pytest.approx(expected)


def test_cosine_climbs_then_falls_to_nothing() -> None:
    found = factors(schedule(Cosine(warmup=1), EPOCHS))
    assert found[:4] == [0.25, 0.5, 0.75, 1.0]
    # Half a cosine over the eight steps that are left: its start, quarter, middle.
    assert found[4] == 1
    assert found[6] == pytest.approx(0.5 + 0.5 * 2**-0.5)
    assert found[8] == pytest.approx(0.5)
    assert found[11] == pytest.approx(0.0380602, abs=1e-6)


def test_cosine_survives_a_run_shorter_than_its_warmup() -> None:
    short = Clock(steps=2, per_epoch=4, unit=4)
    assert factors(schedule(Cosine(warmup=3), short), 2) == [0.5, 1.0]


def test_plateau_drops_after_patience_and_stops_at_the_next() -> None:
    plateau = schedule(Plateau(factor=0.1, patience=2, drops=2), EPOCHS)
    told = [0.9, 0.8, 0.8, 0.85, 0.7, 0.71, 0.7, 0.7, 0.7]
    heard = [(plateau.evaluated(error), plateau.factor(0)) for error in told]
    assert heard == [
        (True, 1.0),
        (True, 1.0),
        (True, 1.0),  # as good is not better
        (True, pytest.approx(0.1)),  # two without a better one: first drop
        (True, pytest.approx(0.1)),
        (True, pytest.approx(0.1)),
        (True, pytest.approx(0.01)),  # second drop
        (True, pytest.approx(0.01)),
        (False, pytest.approx(0.01)),  # both drops are used up
    ]


def test_an_unknown_word_is_no_constant() -> None:
    with pytest.raises(NotImplementedError, match="no schedule is written for str"):
        schedule("warp", STEPS)
