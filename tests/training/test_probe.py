"""Compiling, where a run is long enough and it pays; decided by times, without a GPU."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import util
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archdsl.codegen.layout import Layout
from archdsl.training import Job, Options, Silent, probe, train
from archdsl.training.batches import Batches
from archdsl.training.plan import Plan, planned
from archdsl.training.precision import Numbers, Precision
from archdsl.training.together.team import Alone
from archdsl.training.update import Update
from archdsl.training.where import Launch, Where
from archdsl.words.recipe import Recipe, Sgd

GPU = Where(Layout.FUSED, (torch.device("cuda"),))
BF16 = Precision(Numbers.BF16, "cuda")


class Net(nn.Module):
    """It has what a look at it could change: running means, dropout, gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Dropout(), nn.Linear(400, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


@pytest.fixture
def plan(make_job: Callable[[Recipe], Job], recipe: Recipe) -> Plan:
    asked = make_job(recipe.model_copy(update={"optimizer": Sgd(lr=0.1, momentum=0.9)}))
    place = Where(Layout.FUSED, (torch.device("cpu"),))
    return planned(asked, place, Options(precision="fp32", cache=False), Silent())


@pytest.fixture
def update(plan: Plan) -> Update:
    torch.manual_seed(0)
    net = Net()
    return Update(plan, Alone(), net, net.state_dict())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"where": Where(Layout.FUSED, (torch.device("cpu"),))}, False),
        ({"where": GPU._replace(launch=Launch(0, 2, 0))}, False),
        ({"where": GPU._replace(layout=Layout.TOWERS)}, False),
        ({"precision": Precision(Numbers.FP32, "cuda")}, False),
    ],
)
def test_one_gpu_alone_is_tried_where_nothing_exact_was_asked_for(
    plan: Plan, changes: dict[str, object], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: object())
    on_gpu = replace(plan, where=GPU, precision=BF16)
    assert probe.may_compile(replace(on_gpu, **changes)) is expected  # type: ignore[arg-type]


def test_without_a_compiler_nothing_is_tried(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    assert not probe.may_compile(replace(plan, where=GPU, precision=BF16))


def test_a_run_must_be_long_enough_to_win_the_compilers_time_back() -> None:
    # A twentieth of 0.1 s a step is 2 x 60 s after 25,200 steps.
    assert not probe.is_long(0.1, 25_000)
    assert probe.is_long(0.1, 25_300)


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], None]:
    """Lets every run be tried, with the times that a step takes as it is and compiled."""

    def set_times(plain: float, compiled: float) -> None:
        times: Iterator[float] = iter([plain, compiled])
        measured = probe._seconds

        def seconds(update: Update, batch: tuple[Tensor, Tensor]) -> float:
            measured(update, batch)
            return next(times)

        monkeypatch.setattr(probe, "_seconds", seconds)
        monkeypatch.setattr(probe, "may_compile", lambda plan: True)
        monkeypatch.setattr(probe, "COMPILING", 0.0)
        monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))

    return set_times


@pytest.mark.parametrize(
    ("compiled", "taken", "told"),
    [
        (0.004, True, "compiled: 4 ms for a gradient compiled, 6 ms as it is"),
        (0.0059, False, "not compiled: 5.9 ms for a gradient compiled, 6 ms as it is"),
    ],
)
def test_what_is_faster_is_taken_and_nothing_else_changes(
    plan: Plan,
    update: Update,
    timed: Callable[[float, float], None],
    compiled: float,
    taken: bool,
    told: str,
) -> None:
    timed(0.006, compiled)
    before = {name: tensor.clone() for name, tensor in update.network.state_dict().items()}
    assert probe.choose(plan, update, Batches(plan, Alone()), 0) == told
    assert (update.trained is not update.network) is taken
    after = update.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in update.network.parameters())
    assert not update.optimizer.state
    update(*Batches(plan, Alone()).at(0), 0, 1.0)
    assert not torch.equal(
        before["layers.0.weight"], update.network.state_dict()["layers.0.weight"]
    )


def test_where_the_compiler_fails_the_network_stays_as_it_is(
    plan: Plan,
    update: Update,
    timed: Callable[[float, float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timed(0.006, 0.004)

    def broken(graph: object, inputs: object) -> object:
        raise AssertionError("no ptxas")

    monkeypatch.setattr(torch, "compile", partial(torch.compile.func, backend=broken))  # type: ignore[attr-defined]
    told = probe.choose(plan, update, Batches(plan, Alone()), 0)
    assert told is not None and told.startswith("not compiled: ")
    assert update.trained is update.network


def test_a_run_says_what_it_chose(
    job: Job, timed: Callable[[float, float], None], tmp_path: Path
) -> None:
    class Listener(Silent):
        def __init__(self) -> None:
            self.notes: list[str] = []

        def noted(self, text: str) -> None:
            self.notes.append(text)

    timed(0.006, 0.004)
    heard = Listener()
    train(job, tmp_path / "run", report=heard)
    assert "compiled: 4 ms for a gradient compiled, 6 ms as it is" in heard.notes
