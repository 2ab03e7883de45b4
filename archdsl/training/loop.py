"""Training: from a checked network and its recipe to a folder with weights and figures."""

import math
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from archdsl.codegen.layout import Layout
from archdsl.training import record
from archdsl.training.batches import Batches, resident
from archdsl.training.errors import Interrupted, TrainingError
from archdsl.training.evaluate import Examination
from archdsl.training.finite import NotFinite
from archdsl.training.interrupt import Interrupt
from archdsl.training.job import Job
from archdsl.training.network import network
from archdsl.training.optimizer import full_rate
from archdsl.training.parts.randomness import derive
from archdsl.training.plan import Plan, planned, write, write_modules
from archdsl.training.report import Evaluation, Reporter, Result, Silent, Started, Stepped
from archdsl.training.schedule import schedule
from archdsl.training.team import Team, lost, team
from archdsl.training.update import Update
from archdsl.training.where import Where, where


def train(
    job: Job,
    run: Path | None = None,
    device: str = "auto",
    steps: int | None = None,
    report: Reporter | None = None,
    layout: str = "auto",
    epochs: int | None = None,
) -> Result:
    """Train a job's module by its recipe and leave everything in a new folder.

    `run` is the folder to make (default: the first free runs/NAME-N), `device` and `layout` are
    those of `where.where`, and `steps` or `epochs` replace the recipe's length. Data and settings are judged
    before the folder is made.

    Under torchrun every process calls this, and the first one writes and reports.

    Raises:
        TrainingError: data, settings or machine are not fit for it, or the loss stopped being a
            number.
        Interrupted: Ctrl-C or SIGTERM; what there was is saved.
    """
    began = time.perf_counter()
    place = where(layout, device, job.devices, job.spec_name)
    plan = planned(job, place, steps, epochs)
    # Before the processes meet: what the first one cannot do ends all of them.
    folder = _folder(plan, run)
    try:
        with team(place, job.devices) as processes:
            hears = report if report is not None and processes.leads else Silent()
            try:
                # Every step seeds PyTorch's generators; a caller gets its own back as they were.
                cuda = [d for d in dict.fromkeys(place.devices) if d.type == "cuda"]
                with torch.random.fork_rng(devices=cuda):
                    return _run(plan, processes, folder, hears, began).run()
            finally:
                hears.ended()
    except torch.OutOfMemoryError as problem:
        raise TrainingError(
            f"{place.first} is out of memory at batch {job.recipe.batch}; lower `batch`, "
            "or train with --device cpu"
        ) from problem
    except RuntimeError as problem:
        if place.launch is None or not lost(problem):
            raise
        told = folder if place.leads else "the run's folder"
        raise TrainingError(
            f"another process of this run is gone, so it cannot go on; its records are in {told}"
        ) from None
    finally:
        if not place.leads:
            shutil.rmtree(folder)


def _folder(plan: Plan, run: Path | None) -> Path:
    """The run's folder, with what the run is about to do; who does not lead gets a passing one."""
    if plan.where.leads:
        folder = record.create(run, plan.job.name)
        write(plan, folder)
    else:
        folder = Path(tempfile.mkdtemp())
        write_modules(plan, folder)
    return folder


def _run(plan: Plan, team: Team, folder: Path, report: Reporter, began: float) -> "_Run":
    """The run, ready to begin. If the module and the settings do not fit, its folder is removed."""
    try:
        return _Run(plan, team, folder, report, began)
    except TrainingError:
        if team.leads:
            shutil.rmtree(folder)
        raise


class _Run:
    """One run while it lasts."""

    def __init__(
        self, plan: Plan, team: Team, folder: Path, report: Reporter, began: float
    ) -> None:
        recipe = plan.job.recipe
        self.plan, self.folder, self.report, self.began = plan, folder, report, began
        self.recipe, self.clock = recipe, plan.clock
        self.team = team
        torch.manual_seed(derive(recipe.seed, "weights", 0))
        self.network, whole = network(plan, team, folder)
        self.update = Update(plan, team, self.network, whole)
        self.batches = Batches(plan, team)
        self.examination = Examination(
            split=resident(plan.data.test, self.plan.where.first),
            view=plan.view,
            crops=recipe.evaluate.crops,
            batch=recipe.batch,
            device=plan.where.first,
        )
        self.full_rate = full_rate(recipe.optimizer)
        self.schedule = schedule(recipe.schedule, plan.clock)
        every = recipe.evaluate.every
        self.evaluate_every = plan.clock.per_epoch if every is None else every * plan.clock.unit
        # At least 200 points on a curve, and one every 100 steps.
        self.record_every = max(1, min(100, plan.clock.steps // 200))
        self.step = 0
        self.training_seconds = 0.0
        self.loop_began = time.perf_counter()

    @property
    def told(self) -> Path:
        """The run's folder in messages. Who does not lead has a passing one, and not its name."""
        return self.folder if self.team.leads else Path("the run's folder")

    def started(self) -> Started:
        job, data = self.plan.job, self.plan.data
        images = data.train.images
        return Started(
            network=job.class_name,
            parameters=job.parameters,
            device=_describe(self.plan.where, self.team),
            data=data.name,
            synthetic=data.synthetic,
            classes=len(data.classes),
            train_images=len(data.train),
            test_images=len(data.test),
            image=(images.shape[1], images.shape[2], images.shape[3]),
            run=self.folder,
            steps=self.clock.steps,
            epochs=self.clock.steps / self.clock.per_epoch,
        )

    def run(self) -> Result:
        self.report.started(self.started())
        with Interrupt() as interrupt, record.Metrics(self.folder / record.METRICS) as metrics:
            try:
                final, early = self._train(interrupt, metrics)
            finally:
                # Also when it was interrupted or the loss went wrong: keep what there is.
                state = self.network.state_dict()
                if self.team.leads:
                    record.write_tensors(self.folder / record.WEIGHTS, state)
                    self._plot()
        result = Result(
            run=self.folder,
            final=final,
            steps=self.step,
            epochs=self.step / self.clock.per_epoch,
            images_per_second=self.step * self.recipe.batch / self.training_seconds,
            seconds=time.perf_counter() - self.began,
            synthetic=self.plan.data.synthetic,
            stopped_early=early,
        )
        if self.team.leads:
            record.write_json(self.folder / record.RESULT, _result(result))
        self.report.finished(result)
        return result

    def _train(self, interrupt: Interrupt, metrics: record.Metrics) -> tuple[Evaluation, bool]:
        """Every update; the last evaluation, and whether the schedule ended the run early."""
        losses: list[float] = []
        while True:
            rate_factor = self.schedule.factor(self.step)
            loss, norm = self._update(rate_factor)
            losses.append(loss)
            last = self.step == self.clock.steps
            recorded = last or self.step % self.record_every == 0
            event = self._stepped(sum(losses) / len(losses), rate_factor, recorded)
            if recorded:
                losses.clear()
                metrics.add(
                    "train",
                    {
                        "step": event.step,
                        "epoch": event.epoch,
                        "loss": event.loss,
                        "rate": event.rate,
                        "gradient_norm": norm,
                        "images_per_second": event.images_per_second,
                    },
                )
            self.report.stepped(event)
            if last or self.step % self.evaluate_every == 0:
                evaluation = self._evaluate(interrupt)
                if evaluation is not None:
                    metrics.add("evaluation", _evaluation(evaluation))
                    self.report.evaluated(evaluation)
                    going_on = self.schedule.evaluated(1 - evaluation.top1)
                    if last or not going_on:
                        return evaluation, not last
            signal = self.team.agreed(interrupt.signal)
            if signal is not None:
                raise Interrupted(self.told, self.step, signal)

    def _update(self, rate_factor: float) -> tuple[float, float]:
        """One step: its loss and the gradient's norm."""
        began = time.perf_counter()
        try:
            found = self.update(*self.batches.at(self.step), self.step, rate_factor)
        except NotFinite as problem:
            raise TrainingError(
                f"step {self.step + 1}: {problem}. Lower the optimizer's lr (it was "
                f"{rate_factor * self.full_rate:.3g}) or warm it up. "
                f"The weights before this step are in {self.told}"
            ) from None
        self.step += 1
        self.training_seconds += time.perf_counter() - began
        return found

    def _evaluate(self, interrupt: Interrupt) -> Evaluation | None:
        evaluation = self.examination.judge(
            self.network, self.step, give_up=lambda: self.team.gives_up(interrupt.signal)
        )
        if evaluation is not None and not math.isfinite(evaluation.loss):
            raise TrainingError(
                f"step {self.step}: the held-out loss is {evaluation.loss}; "
                f"lower the optimizer's lr. What there was is in {self.told}"
            )
        return evaluation

    def _stepped(self, loss: float, rate_factor: float, recorded: bool) -> Stepped:
        left = (self.clock.steps - self.step) / self.step
        return Stepped(
            step=self.step,
            steps=self.clock.steps,
            epoch=self.step / self.clock.per_epoch,
            loss=loss,
            rate=rate_factor * self.full_rate,
            images_per_second=self.step * self.recipe.batch / self.training_seconds,
            seconds_left=left * (time.perf_counter() - self.loop_began),
            recorded=recorded,
        )

    def _plot(self) -> None:
        from archdsl.training import plots  # matplotlib is slow to import

        records = record.read_metrics(self.folder / record.METRICS)
        data = self.plan.data
        title = (
            f"{self.plan.job.class_name} on {data.name}{' (synthetic)' if data.synthetic else ''}"
        )
        record.write(self.folder / record.PLOT, plots.loss(records, title))


def _describe(place: Where, team: Team) -> str:
    """For people: `cpu (2 threads, float32, channels_last, 2 ranks)`."""
    device = place.first
    cuda = device.type == "cuda"
    told = [] if cuda else [f"{torch.get_num_threads()} threads"]
    told += ["float32", "channels_last"]
    if place.layout is Layout.TOWERS:
        told.append(f"towers on {' and '.join(map(str, place.devices))}")
    if place.launch is not None:
        processes, rows = place.launch.size, team.rows
        ranks = f"{processes // rows} ranks" if place.layout is Layout.RANKS else ""
        shared = f"{rows} {'rows' if ranks else 'processes'} to a batch" if rows > 1 else ""
        told += filter(None, [ranks, shared])
    name = torch.cuda.get_device_name(device) if cuda else "cpu"
    return f"{name} ({', '.join(told)})"


def _evaluation(evaluation: Evaluation) -> dict[str, float]:
    return {
        "step": evaluation.step,
        "images": evaluation.images,
        "loss": evaluation.loss,
        "top1": evaluation.top1,
        "top1_standard_error": evaluation.top1_error,
        "top5": evaluation.top5,
        "top5_standard_error": evaluation.top5_error,
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        **_evaluation(result.final),
        "epochs": result.epochs,
        "images_per_second": result.images_per_second,
        "seconds": result.seconds,
        "synthetic": result.synthetic,
        "stopped_early": result.stopped_early,
        "ended": record.now(),
    }
