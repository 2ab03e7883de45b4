"""What a person sees of a run."""

import dataclasses
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from archdsl.training import Evaluation, Job, Options, Result, Started, Stepped, train
from archdsl.training.progress import Bar, Json, Lines, reporter

STARTED = Started(
    network="SmallAlexNet",
    parameters=2_644_234,
    device="cpu (2 threads, float32, channels_last)",
    data="shapes",
    synthetic=True,
    classes=10,
    train_images=16_000,
    test_images=4_000,
    image=(3, 67, 67),
    run=Path("runs/small-1"),
    steps=1000,
    epochs=2.0,
)
STEPPED = Stepped(
    step=550,
    steps=1000,
    epoch=1.1,
    loss=0.41234,
    rate=0.0005,
    images_per_second=412.3,
    seconds_left=41,
    recorded=True,
)
EVALUATION = Evaluation(step=500, images=4000, loss=0.6, top1=0.8, top5=0.99)
RESULT = Result(
    run=Path("runs/small-1"),
    final=EVALUATION,
    steps=1000,
    epochs=2.0,
    images_per_second=412.3,
    seconds=94.2,
    synthetic=True,
    stopped_early=False,
)


def console(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120, color_system=None)


def text(of: Console) -> str:
    assert isinstance(of.file, io.StringIO)
    return of.file.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_and_a_file_gets_lines() -> None:
    assert isinstance(reporter(Console(file=Terminal(), force_terminal=True)), Bar)
    assert isinstance(reporter(console(False)), Lines)
    assert isinstance(reporter(console(True)), Lines)  # --color always into a file


def test_lines() -> None:
    out = console(False)
    lines = Lines(out)
    lines.started(STARTED)
    lines.stepped(STEPPED)
    lines.evaluated(EVALUATION)
    lines.finished(RESULT)
    lines.ended()
    assert text(out).splitlines() == [
        "SmallAlexNet · 2,644,234 parameters · cpu (2 threads, float32, channels_last)",
        "data: shapes, built in and synthetic: 10 classes, 16,000 training and 4,000 test images "
        "of 3x67x67",
        "run:  runs/small-1 · 1,000 steps, 2 epochs",
        "",
        "step 550/1000  epoch 1.10  loss 0.4123  lr 0.0005  412 images/s  0:00:41 left",
        "step 500  held-out loss 0.6000  top-1 80.0 %  top-5 99.0 %",
        "",
        " loss            top-1            top-5   iterations   images/s",
        "0.600   80.00 ± 0.63 %   99.00 ± 0.16 %        1,000        412",
        "",
        "on 4,000 synthetic test images; ± is one standard error",
        "runs/small-1 holds everything, 0:01:34 after the start",
    ]


def test_lines_are_every_so_many_steps(job: Job, tmp_path: Path) -> None:
    out = console(False)
    train(job, tmp_path / "run", Options(steps=60), Lines(out))
    steps = re.findall(r"^step (\d+)/60 ", text(out), re.MULTILINE)
    assert steps == [str(n) for n in range(3, 61, 3)]


def test_bar_shows_loss_rate_speed_and_time_left() -> None:
    out = console(True)
    bar = Bar(out)
    bar.started(STARTED)
    bar.evaluated(EVALUATION)
    bar.stepped(STEPPED)
    bar.finished(RESULT)
    bar.ended()
    shown = text(out)
    for part in (
        "epoch 2/2",
        "55 %",
        "loss 0.412",
        "lr 0.0005",
        "top-1 80.0 %",
        "412 images/s",
        "0:00:41 left",
        "80.00 ± 0.63 %",
    ):
        assert part in shown


def test_a_run_that_ends_badly_lets_go_of_the_terminal() -> None:
    out = console(True)
    bar = Bar(out)
    bar.started(STARTED)
    bar.ended()
    assert text(out).endswith("\x1b[?25h")  # the cursor is shown again


@pytest.mark.parametrize(("width", "accuracy"), [(80, False), (120, True)])
def test_the_time_left_is_never_pushed_out(width: int, accuracy: bool) -> None:
    out = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    bar = Bar(out)
    bar.started(STARTED)
    bar.evaluated(EVALUATION)
    bar.stepped(STEPPED)
    bar.ended()
    last = [line for line in text(out).splitlines() if "images/s" in line][-1]
    assert "left" in last
    assert ("top-1" in last) is accuracy


def test_json_is_an_object_on_a_line_for_each_event() -> None:
    heard = console(terminal=False)
    told = reporter(heard, as_json=True)
    told.started(STARTED)
    told.noted("went back to step 100")
    told.stepped(dataclasses.replace(STEPPED, recorded=False))
    told.stepped(STEPPED)
    told.evaluated(EVALUATION)
    told.finished(RESULT)
    told.ended()
    events = [json.loads(line) for line in text(heard).splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds == ["started", "note", "step", "evaluation", "finished"]
    assert events[0]["run"] == "runs/small-1"
    assert events[1]["text"] == "went back to step 100"
    assert (events[2]["step"], events[2]["loss"]) == (550, 0.41234)
    assert events[3]["top1"] == 0.8
    assert events[3]["top1_standard_error"] == pytest.approx((0.8 * 0.2 / 4000) ** 0.5)
    assert events[4]["final"]["top1"] == 0.8
    assert events[4]["images_per_second"] == 412.3


def test_where_decoded_images_are_is_told() -> None:
    heard = console(terminal=False)
    Lines(heard).started(dataclasses.replace(STARTED, cache=Path("cache/ab.safetensors")))
    assert "test images of 3x67x67, decoded in cache/ab.safetensors\n" in text(heard)


def test_quiet_says_nothing() -> None:
    heard = console(terminal=True)
    told = reporter(heard, quiet=True)
    told.started(STARTED)
    told.noted("a word")
    told.stepped(STEPPED)
    told.evaluated(EVALUATION)
    told.finished(RESULT)
    told.ended()
    assert text(heard) == ""


def test_a_note_is_a_line() -> None:
    heard = console(terminal=False)
    Lines(heard).noted("went back to [step] 100")
    assert text(heard) == "went back to [step] 100\n"


@pytest.mark.parametrize("kind", [Lines, Json])
def test_long_work_is_told_with_the_time_left(kind: type[Lines] | type[Json]) -> None:
    """Every ten seconds: 300 of 1,000 in 12 seconds leave 28."""
    heard = console(terminal=False)
    now = [0.0]
    told = kind(heard, clock=lambda: now[0])
    for seconds, done in (
        (0.0, 0),
        (5.0, 100),
        (12.0, 300),
        (15.0, 400),
        (30.0, 900),
        (60.0, 1000),
    ):
        now[0] = seconds
        told.worked("reading images", done, 1000)
    lines = text(heard).splitlines()
    if kind is Lines:
        assert lines[0] == "reading images  300/1,000  0:00:28 left"
    else:
        first = {"event": "work", "what": "reading images", "done": 300, "total": 1000}
        assert json.loads(lines[0]) == {**first, "seconds_left": pytest.approx(28)}
    assert len(lines) == (2 if kind is Lines else 3)


def test_work_that_is_done_once_more_begins_anew() -> None:
    """The second evaluation of a run, a thousand seconds after the first."""
    heard = console(terminal=False)
    now = [0.0]
    told = Lines(heard, clock=lambda: now[0])
    for seconds, done in ((0, 32), (2, 4000), (1000, 32), (1005, 2000), (1012, 3000)):
        now[0] = seconds
        told.worked("judging images", done, 4000)
    assert text(heard) == "judging images  3,000/4,000  0:00:04 left\n"


def test_a_bar_shows_other_work_and_takes_it_away() -> None:
    heard = Console(file=Terminal(), force_terminal=True, width=120, color_system=None)
    told = Bar(heard)
    told.worked("reading images", 300, 1000)
    told._progress.refresh()
    shown = text(heard)
    assert "reading images" in shown
    assert "300/1,000" in shown
    told.worked("reading images", 1000, 1000)
    assert not told._works
    told.ended()
