"""Training: from a checked network and its recipe to a folder with weights and figures."""

import math
import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archdsl.codegen.layout import Layout
from archdsl.torch.generated import imported
from archdsl.training import augment, record
from archdsl.training.augment import View
from archdsl.training.data import Data, Split, load
from archdsl.training.errors import Interrupted, TrainingError
from archdsl.training.evaluate import Examination
from archdsl.training.interrupt import Interrupt
from archdsl.training.job import Job
from archdsl.training.optimizer import check, full_rate, optimizer, set_factor
from archdsl.training.parts.randomness import derive, generator
from archdsl.training.report import Evaluation, Reporter, Result, Silent, Started, Stepped
from archdsl.training.schedule import Clock, schedule
from archdsl.training.team import Team, lost, team
from archdsl.training.where import Where, where
from archdsl.words.recipe import CrossEntropy, Recipe


def train(
    job: Job,
    run: Path | None = None,
    device: str = "auto",
    steps: int | None = None,
    report: Reporter | None = None,
    layout: str = "auto",
) -> Result:
    """Train a job's module by its recipe and leave everything in a new folder.

    `run` is the folder to make (default: the first free runs/NAME-N), `device` and `layout` are
    those of `where.where`, and `steps` replaces the recipe's length. Data and settings are judged
    before the folder is made.

    Under torchrun every process calls this, and the first one writes and reports.

    Raises:
        TrainingError: data, settings or machine are not fit for it, or the loss stopped being a
            number.
        Interrupted: Ctrl-C or SIGTERM; what there was is saved.
    """
    began = time.perf_counter()
    place = where(layout, device, job.devices, job.spec_name)
    plan = _planned(job, place, steps)
    # Before the processes meet: what the first one cannot do ends all of them.
    folder = _folder(plan, run)
    try:
        with team(place, job.devices) as processes:
            hears = report if report is not None and processes.leads else Silent()
            try:
                # Every step seeds PyTorch's generators; a caller gets its own back as they were.
                cuda = [d for d in dict.fromkeys(place.devices) if d.type == "cuda"]
                with torch.random.fork_rng(devices=cuda):
                    return _room(plan, processes, folder, hears, began).run()
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


def _folder(plan: "_Plan", run: Path | None) -> Path:
    """The run's folder, with what the run is about to do; who does not lead gets a passing one."""
    if plan.where.leads:
        folder = record.create(run, plan.job.name)
        _write_plan(plan, folder)
    else:
        folder = Path(tempfile.mkdtemp())
        _write_modules(plan, folder)
    return folder


def _room(plan: "_Plan", team: Team, folder: Path, report: Reporter, began: float) -> "_Room":
    """The run, ready to begin. If the module and the settings do not fit, its folder is removed."""
    try:
        return _Room(plan, team, folder, report, began)
    except TrainingError:
        if team.leads:
            shutil.rmtree(folder)
        raise


@dataclass(frozen=True)
class _Plan:
    """Everything that is settled before a folder is made."""

    job: Job
    where: Where
    data: Data
    clock: Clock
    view: View


def _planned(job: Job, place: Where, steps: int | None) -> _Plan:
    check(job.recipe.optimizer)
    rows = place.rows(job.devices)
    if job.recipe.batch % rows:
        raise TrainingError(
            f"batch {job.recipe.batch}: {rows} processes share each batch evenly; "
            f"take a multiple of {rows}"
        )
    if not job.parameters:
        raise TrainingError(f"{job.spec_name}: the network has no parameters, so nothing to train")
    try:
        data = load(job.recipe.data, augment.wanted(job.recipe, job.input, job.classes))
    except OSError as problem:
        raise TrainingError(
            f"{problem.filename or 'the data'} cannot be read ({problem.strerror or problem})"
        ) from problem
    clock = _clock(job.recipe, len(data.train), steps)
    view = augment.view(job.recipe, data, job.input[1:], place.first)
    return _Plan(job, place, data, clock, view)


class _Room:
    """One run while it lasts."""

    def __init__(
        self, plan: _Plan, team: Team, folder: Path, report: Reporter, began: float
    ) -> None:
        recipe = plan.job.recipe
        self.plan, self.folder, self.report, self.began = plan, folder, report, began
        self.recipe, self.clock, self.view = recipe, plan.clock, plan.view
        self.device, self.team = plan.where.first, team
        torch.manual_seed(derive(recipe.seed, "weights", 0))
        self.network, self.whole = _network(plan, team, folder)
        self.trained = team.trained(self.network)
        self.examples = _resident(plan.data.train, self.device)
        self.examination = Examination(
            split=_resident(plan.data.test, self.device),
            view=plan.view,
            crops=recipe.evaluate.crops,
            batch=recipe.batch,
            device=self.device,
        )
        self.optimizer = optimizer(recipe, self.network)
        self.full_rate = full_rate(recipe.optimizer)
        self.schedule = schedule(recipe.schedule, plan.clock)
        self.criterion = criterion(recipe.loss)
        every = recipe.evaluate.every
        self.evaluate_every = plan.clock.per_epoch if every is None else every * plan.clock.unit
        # At least 200 points on a curve, and one every 100 steps.
        self.record_every = max(1, min(100, plan.clock.steps // 200))
        self.step = 0
        self.training_seconds = 0.0
        self.loop_began = time.perf_counter()
        self.order = torch.empty(0, dtype=torch.int64)
        self.order_epoch = -1

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
        """One step: its loss and the gradient's norm. If either is no number no weight changes."""
        began = time.perf_counter()
        images, labels = self._batch()
        torch.manual_seed(derive(self.recipe.seed, "dropout", self.step))
        self.trained.train()
        kept = [buffer.clone() for buffer in self.network.buffers()]
        try:
            logits = self.trained(images)
        except ValueError as problem:
            raise TrainingError(
                f"step {self.step + 1}: {problem}. A batchnorm over single values needs a batch "
                "of 2 or more"
            ) from problem
        loss = self.criterion(logits, labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = self.team.norm(self.network, self.whole)
        # One transfer for both: on a GPU each waits for all work before it.
        loss_now, norm_now = torch.stack([self.team.mean(loss.detach()), norm]).tolist()
        if not (math.isfinite(loss_now) and math.isfinite(norm_now)):
            diverged = self._diverged(images, loss_now)
            for buffer, before in zip(self.network.buffers(), kept, strict=True):
                buffer.copy_(before)  # the running means of batchnorm have seen this batch
            raise diverged
        set_factor(self.optimizer, rate_factor)
        self.optimizer.step()
        self.step += 1
        self.training_seconds += time.perf_counter() - began
        return loss_now, norm_now

    def _batch(self) -> tuple[Tensor, Tensor]:
        """The next step's images, as the network sees them, and labels.

        What is left of an epoch after its last whole batch is passed over; the next epoch has
        another order.
        """
        epoch, within = divmod(self.step, self.clock.per_epoch)
        split = self.examples
        if epoch != self.order_epoch:
            draws = generator(self.recipe.seed, "order", epoch)
            self.order = torch.randperm(len(split), generator=draws).to(split.images.device)
            self.order_epoch = epoch
        chosen = self.order[within * self.recipe.batch : (within + 1) * self.recipe.batch]
        images = self.view.train(split.images[chosen].to(self.device), self.step)
        share = self.recipe.batch // self.team.rows
        mine = slice(self.team.row * share, (self.team.row + 1) * share)
        return (
            images[mine].contiguous(memory_format=torch.channels_last),
            split.labels[chosen[mine]].to(self.device),
        )

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

    def _diverged(self, images: Tensor, loss: float) -> TrainingError:
        torch.manual_seed(derive(self.recipe.seed, "dropout", self.step))
        where = _first_not_finite(self.network, images)
        rate = self.schedule.factor(self.step) * self.full_rate
        what = "the loss" if not math.isfinite(loss) else "the gradient"
        return TrainingError(
            f"step {self.step + 1}: {what} is not a number; {where}. "
            f"Lower the optimizer's lr (it was {rate:.3g}) or warm it up. "
            f"The weights before this step are in {self.told}"
        )

    def _plot(self) -> None:
        from archdsl.training import plots  # matplotlib is slow to import

        records = record.read_metrics(self.folder / record.METRICS)
        data = self.plan.data
        title = (
            f"{self.plan.job.class_name} on {data.name}{' (synthetic)' if data.synthetic else ''}"
        )
        record.write(self.folder / record.PLOT, plots.loss(records, title))


@singledispatch
def criterion(word: object) -> nn.Module:
    """The loss that a recipe's word asks for, of logits n x classes and labels n.

    Raises:
        NotImplementedError: nothing is known of this word's class.
    """
    raise NotImplementedError(f"no loss is written for {type(word).__name__}")


@criterion.register
def _(word: CrossEntropy) -> nn.Module:
    return nn.CrossEntropyLoss(label_smoothing=word.smoothing)


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


def _clock(recipe: Recipe, images: int, steps: int | None) -> Clock:
    if recipe.batch > images:
        raise TrainingError(
            f"batch {recipe.batch}: the training set has {images:,} images; take that or less"
        )
    if steps is not None and steps < 1:
        raise TrainingError(f"--steps {steps}: a run takes one step at least")
    per_epoch = images // recipe.batch
    if recipe.steps is not None:
        length, unit = recipe.steps, 1
    elif recipe.epochs is not None:
        length, unit = recipe.epochs * per_epoch, per_epoch
    else:
        raise TrainingError("the recipe has no length; add `epochs` or `steps` to its train block")
    return Clock(steps=length if steps is None else steps, per_epoch=per_epoch, unit=unit)


def _network(plan: _Plan, team: Team, folder: Path) -> tuple[nn.Module, dict[str, Tensor]]:
    """The network of the run's own module, on its devices, and its tensors as on one device.

    Its weights begin as those of the fused layout do from the same seed.

    Raises:
        TrainingError: it has another number of parameters than the spec counts.
    """
    job, place = plan.job, plan.where
    fused = place.layout is Layout.FUSED
    single = _imported(folder / (record.MODULE if fused else record.FUSED), job.class_name)()
    count = sum(p.numel() for p in single.parameters())
    if count != job.parameters:
        raise TrainingError(
            f"{folder / record.MODULE}: {job.class_name} has {count:,} parameters where the spec "
            f"counts {job.parameters:,}; this is a bug in archdsl, please report it with the spec"
        )
    if fused:
        single.to(device=place.first, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return single, single.state_dict()
    network_class = _imported(folder / record.MODULE, job.divided[place.layout].class_name)
    options = {"devices": place.devices} if place.layout is Layout.TOWERS else {}
    network = team.build(network_class, **options)
    whole = single.state_dict()
    network.load_state_dict(whole)
    if place.layout is Layout.RANKS:
        network.to(place.first)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, whole


def _imported(path: Path, class_name: str) -> type[nn.Module]:
    """A class of the run's own module: what is trained is that very file."""
    module = imported(path.read_text(encoding="utf-8"), str(path.resolve()))
    found: type[nn.Module] = getattr(module, class_name)
    return found


def _resident(split: Split, device: torch.device) -> Split:
    """A split in the device's memory, if it takes less than half of what is free there."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if split.images.nbytes < free // 2:
            return split.to(device)
    return split


def _first_not_finite(network: nn.Module, images: Tensor) -> str:
    """Which layer is the first whose output, or else whose gradient, is not a number; in words."""
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Tensor | list[Tensor]) -> None:
            outputs = output if isinstance(output, list) else [output]
            if not found and not all(bool(each.isfinite().all()) for each in outputs):
                found.append(name)

        return hook

    # What chains layers is none itself; a join is one, and comes after its branches.
    layers = [
        (name, layer)
        for name, layer in network.named_modules()
        if name and not isinstance(layer, nn.Sequential)
    ]
    handles = [layer.register_forward_hook(look(name)) for name, layer in layers]
    try:
        with torch.no_grad():
            network(images)
    finally:
        for handle in handles:
            handle.remove()
    if found:
        return f"{found[0]} is the first layer whose output is not"
    for name, parameter in network.named_parameters():
        if parameter.grad is not None and not bool(parameter.grad.isfinite().all()):
            return f"{name} is the first weight whose gradient is not"
    return "every layer's output and gradient is, but the norm of all gradients is too large"


def _write_modules(plan: _Plan, folder: Path) -> None:
    job, layout = plan.job, plan.where.layout
    if layout is Layout.FUSED:
        record.write(folder / record.MODULE, job.module)
    else:
        record.write(folder / record.MODULE, job.divided[layout].text)
        record.write(folder / record.FUSED, job.module)


def _write_plan(plan: _Plan, folder: Path) -> None:
    """Put into a run's folder what it is about to do."""
    job, data, view = plan.job, plan.data, plan.view
    record.write(folder / job.spec_name, job.spec)
    record.write_used(folder, job.used)
    _write_modules(plan, folder)
    record.write_tensors(folder / record.NORMALISATION, {"mean": view.mean[0], "std": view.std[0]})
    config = {
        "name": job.name,
        "network": job.class_name,
        "input": list(job.input),
        "classes": list(data.classes),
        "parameters": job.parameters,
        "values": job.values,
        "spec": record.told(job.spec_name, job.spec),
        "used": [record.told(place, text) for place, text in job.used.items()],
        "module": record.told(record.MODULE, (folder / record.MODULE).read_text("utf-8")),
        "layout": plan.where.layout.value,
        "processes": plan.where.launch.size if plan.where.launch else 1,
        "data": {
            "name": data.name,
            "synthetic": data.synthetic,
            "train": len(data.train),
            "test": len(data.test),
            "image": list(data.train.images.shape[1:]),
            "sha256": data.sha256,
        },
        "normalisation": {
            "file": record.NORMALISATION,
            "channel_mean": view.mean.mean((0, 2, 3)).tolist(),
            "channel_std": view.std.flatten().tolist(),
        },
        "recipe": record.settings(job.recipe),
        "seed": job.recipe.seed,
        "steps": plan.clock.steps,
        "steps_per_epoch": plan.clock.per_epoch,
        "device": ", ".join(map(str, plan.where.devices)),
        "precision": "float32",
        "memory_format": "channels_last",
        "versions": record.versions(),
        "hardware": record.hardware(plan.where.first),
        "started": record.now(),
    }
    record.write_json(folder / record.CONFIG, config)


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
