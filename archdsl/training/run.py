"""A run while it lasts: every update and evaluation that is left, and what is kept of it."""

import math
import time
from functools import partial
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load

from archdsl.training import probe
from archdsl.training.batches import Batches, resident
from archdsl.training.errors import Interrupted, TrainingError
from archdsl.training.evaluate import Examination
from archdsl.training.finite import NotFinite
from archdsl.training.interrupt import Interrupt
from archdsl.training.keeping import checkpoint, record
from archdsl.training.keeping.checkpoint import Checkpoint, Progress, Rhythm
from archdsl.training.keeping.chronicle import Chronicle
from archdsl.training.keeping.home import Home
from archdsl.training.keeping.penalty import penalty
from archdsl.training.keeping.remembered import remember, remembered
from archdsl.training.network import network
from archdsl.training.optimizer import full_rate
from archdsl.training.parts.randomness import derive
from archdsl.training.plan import Plan
from archdsl.training.report import Evaluation, Reporter, Result, Stepped
from archdsl.training.schedule import schedule
from archdsl.training.telling import as_json, figures, started
from archdsl.training.together.team import Team
from archdsl.training.update import Update

KEEP: Final = 1
"""That it is time for a checkpoint, among what processes agree on; signals follow it."""


class Run:
    """One run while it lasts."""

    def __init__(
        self, plan: Plan, team: Team, at: Home, report: Reporter, interrupt: Interrupt
    ) -> None:
        recipe, folder = plan.job.recipe, at.folder
        self.plan, self.at, self.folder, self.report = plan, at, folder, report
        self.told = at.told
        self.recipe, self.clock = recipe, plan.clock
        self.team, self.interrupt = team, interrupt
        torch.manual_seed(derive(recipe.seed, "weights", 0))
        self.network, whole = network(plan, team, folder)
        self.chronicle = Chronicle(plan, folder, team, whole)
        self.update = Update(plan, team, self.network, whole)
        self.batches = Batches(plan, team)
        self.examination = Examination(
            split=resident(plan.data.test, self.plan.where.first),
            view=plan.view,
            crops=recipe.evaluate.crops,
            batch=recipe.batch,
            device=plan.where.first,
            precision=plan.precision,
            team=team,
        )
        self.full_rate = full_rate(recipe.optimizer)
        self.schedule = schedule(recipe.schedule, plan.clock)
        every = recipe.evaluate.every
        self.evaluate_every = plan.clock.per_epoch if every is None else every * plan.clock.unit
        # At least 200 points on a curve, and one every 100 steps.
        self.record_every = max(1, min(100, plan.clock.steps // 200))
        self.progress = Progress()
        self.early = False
        """Whether the schedule has ended the run before its last step."""
        self._go_on(at.checkpoint)
        self.kept = (self.progress.step, self.progress.evaluated)
        """Of what the newest checkpoint has, or a run at its begin."""

    def _go_on(self, kept: Path | None) -> None:
        """Be what the run was when it was kept, in every process."""
        found = checkpoint.read(kept) if kept is not None else None
        state = self.team.shared(found.state if found else b"")
        if not state:
            return
        self.progress = Progress.from_json(state)
        weights = load(self.team.shared(found.weights if found else b""))
        own = load(self.team.dealt(found.parts if found else []))
        try:
            self.team.load(self.network, weights)
            remember(self.update.optimizer, self.network, own)
        except (KeyError, RuntimeError) as problem:
            raise TrainingError(
                f"{self.told / record.CHECKPOINTS}: what is there is of another network; leave "
                "--resume away to begin another run"
            ) from problem
        for evaluation in self.progress.evaluations:
            self._heard(evaluation)

    @property
    def step(self) -> int:
        """Updates that are done."""
        return self.progress.step

    @property
    def over(self) -> bool:
        return self.early or (self.step == self.clock.steps and self.progress.evaluated)

    @property
    def to_evaluate(self) -> bool:
        """Whether the next thing to do is no update."""
        due = self.step == self.clock.steps or self.step % self.evaluate_every == 0
        return due and self.step > 0 and not self.progress.evaluated

    def run(self, began: float, checkpoint_every: int | None) -> Result:
        """All that is left to do. `began` is when the reading of the data did."""
        self.report.started(started(self.plan, self.team, self.folder))
        for note in self.at.notes:
            self.report.noted(note)
        choice = probe.choose(self.plan, self.update, self.batches, self.step)
        if choice is not None:
            self.report.noted(choice)
        self.rhythm = Rhythm(checkpoint_every)
        self.loop_began, self.first = time.perf_counter(), self.step
        with self.chronicle:
            self.interrupt.at_once = False
            while not self.over:
                if self.to_evaluate:
                    self._evaluate()
                else:
                    self._advance()
                if not self.over:
                    self._heed()
            self._keep()
            result = Result(
                run=self.folder,
                final=self.progress.evaluations[-1],
                steps=self.step,
                epochs=self.step / self.clock.per_epoch,
                images_per_second=self._images_per_second(),
                seconds=time.perf_counter() - began,
                synthetic=self.plan.data.synthetic,
                stopped_early=self.early,
            )
            if self.team.leads:
                weights = record.sha256_of(self.folder / record.WEIGHTS)
                told = {**as_json(result), "weights": weights}
                record.write_json(self.folder / record.RESULT, told)
                checkpoint.prune(self.folder, 1)
        self.report.finished(result)
        return result

    def _advance(self) -> None:
        """One update, told and recorded."""
        rate_factor = self.schedule.factor(self.step)
        loss, norm = self._update(rate_factor)
        losses = self.progress.losses
        losses.append(loss)
        recorded = self.step == self.clock.steps or self.step % self.record_every == 0
        event = self._stepped(sum(losses) / len(losses), rate_factor, recorded)
        if recorded:
            losses.clear()
            self.chronicle.add(
                "train",
                {
                    "step": event.step,
                    "epoch": event.epoch,
                    "loss": event.loss,
                    "regularised_loss": event.loss + penalty(self.update, self.team),
                    "rate": event.rate,
                    "gradient_norm": norm,
                    "images_per_second": event.images_per_second,
                },
            )
        self.report.stepped(event)

    def _update(self, rate_factor: float) -> tuple[float, float]:
        """One step: its loss and the gradient's norm."""
        began = time.perf_counter()
        try:
            found = self.update(*self.batches.at(self.step), self.step, rate_factor)
        except NotFinite as problem:
            rate = f"{rate_factor * self.full_rate:.3g}"
            raise self._diverged(
                f"step {self.step + 1}: {problem}. Lower the optimizer's lr (it was {rate}) or "
                "warm it up. The weights before this step are"
            ) from None
        self.progress.step += 1
        self.progress.training_seconds += time.perf_counter() - began
        return found

    def _evaluate(self) -> None:
        """Judge the network, tell it and record it; a signal may end that without a verdict."""
        with self.chronicle.watching(self.network):
            evaluation = self.examination.judge(
                self.network,
                self.step,
                lambda: self.team.gives_up(self.interrupt.signal),
                partial(self.report.worked, "judging images"),
            )
        if evaluation is None:
            return
        if not math.isfinite(evaluation.loss):
            raise self._diverged(
                f"step {self.step}: the held-out loss is {evaluation.loss}; "
                "lower the optimizer's lr. What there was is"
            )
        self.chronicle.add("evaluation", figures(evaluation))
        self.report.evaluated(evaluation)
        self.progress.evaluations.append(evaluation)
        self._heard(evaluation)

    def _diverged(self, what: str) -> TrainingError:
        """Leave the weights for people, and no checkpoint that would lead here again."""
        self._leave()
        if self.team.leads:
            checkpoint.forget(self.folder, self.step)
        return TrainingError(
            f"{what} in {self.told}; --resume --changed goes on from the checkpoint before, or "
            "begins again where there is none"
        )

    def _heard(self, evaluation: Evaluation) -> None:
        going_on = self.schedule.evaluated(1 - evaluation.top1)
        self.early = not going_on and evaluation.step < self.clock.steps

    def _heed(self) -> None:
        """Keep the run if it is time for it, and end it for a signal: all processes at once."""
        due = not self.to_evaluate and self.rhythm.due(self.step, self.progress.evaluated)
        heard = self.interrupt.signal
        wanted = KEEP if due else None
        agreed = self.team.agreed(wanted if heard is None else KEEP + heard)
        if agreed == KEEP:
            self._checkpoint()
        elif agreed is not None:
            self._keep()
            raise Interrupted(self.told, self.step, agreed - KEEP)

    def _keep(self) -> None:
        """What there is, for people and to go on from."""
        self._checkpoint()
        self._leave()

    def _leave(self) -> None:
        weights = self.team.state(self.network)
        if self.team.leads:
            record.write_tensors(self.folder / record.WEIGHTS, weights)
            self.chronicle.ended(weights)

    def _checkpoint(self) -> None:
        """Take a checkpoint, unless nothing has happened since the last; each process has a part
        in it."""
        if self.kept == (self.step, self.progress.evaluated):
            return
        began = time.monotonic()
        own = record.tensors_as_bytes(remembered(self.update.optimizer, self.network))
        parts, weights = self.team.collected(own), self.team.state(self.network)
        if self.team.leads:
            self.progress.lengths = record.lengths(self.folder)
            found = Checkpoint(self.progress.to_json(), record.tensors_as_bytes(weights), parts)
            checkpoint.save(self.folder, self.step, found)
            self.rhythm.saved(began)
        self.kept = (self.step, self.progress.evaluated)

    def _stepped(self, loss: float, rate_factor: float, recorded: bool) -> Stepped:
        left = (self.clock.steps - self.step) / (self.step - self.first)
        return Stepped(
            step=self.step,
            steps=self.clock.steps,
            epoch=self.step / self.clock.per_epoch,
            loss=loss,
            rate=rate_factor * self.full_rate,
            images_per_second=self._images_per_second(),
            seconds_left=left * (time.perf_counter() - self.loop_began),
            recorded=recorded,
        )

    def _images_per_second(self) -> float:
        return self.step * self.recipe.batch / self.progress.training_seconds
