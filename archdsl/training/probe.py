"""Whether to compile the network of a run: tried before its first step, where it may pay.

On two cores of a CPU the compiled step of AlexNet took longer than the plain one, after half a
minute of compiling, so only a GPU is tried; and only one alone, since processes must not differ.
"""

import statistics
import time
from importlib import util
from typing import Final

import torch
from torch import Tensor
from torch._dynamo.exc import TorchDynamoException

from archdsl.codegen.layout import Layout
from archdsl.training.batches import Batches
from archdsl.training.plan import Plan
from archdsl.training.precision import Numbers
from archdsl.training.update import Update

COMPILING: Final = 60.0
"""Seconds that compiling may take."""
WARM_UP: Final = 3
TRIED: Final = 10
"""Steps that are timed."""
GAIN: Final = 1.05
"""How many times faster a compiled step must be. Less is noise."""


def choose(plan: Plan, update: Update, batches: Batches, step: int) -> str | None:
    """Compile what is trained if that makes what is left of a run after `step` shorter; say why.

    None where nothing was tried. The run's weights and figures stay as they are.
    """
    if not may_compile(plan):
        return None
    batch = batches.at(step)
    plain = _seconds(update, batch)
    if not is_long(plain, plan.clock.steps - step):
        return None
    whole = update.trained
    update.trained = torch.compile(whole)  # type: ignore[assignment]
    try:
        compiled = _seconds(update, batch)
    except TorchDynamoException as problem:
        update.trained = whole
        return f"not compiled: {str(problem).splitlines()[0]}"
    told = f"{1e3 * compiled:.3g} ms for a gradient compiled, {1e3 * plain:.3g} ms as it is"
    if pays(plain, compiled):
        return f"compiled: {told}"
    update.trained = whole
    return f"not compiled: {told}"


def may_compile(plan: Plan) -> bool:
    """Whether a run is of a kind that is worth trying, and nothing exact was asked for."""
    place = plan.where
    return (
        place.first.type == "cuda"
        and place.launch is None
        and place.layout is Layout.FUSED
        and plan.precision.numbers is Numbers.BF16
        and util.find_spec("triton") is not None
    )


def is_long(plain: float, steps: int) -> bool:
    """Whether so many steps of `plain` seconds could win back the time of compiling, twice."""
    return plain * steps * (1 - 1 / GAIN) > 2 * COMPILING


def pays(plain: float, compiled: float) -> bool:
    return compiled * GAIN < plain


def _seconds(update: Update, batch: tuple[Tensor, Tensor]) -> float:
    """The median time of a gradient, in seconds; reading the loss waits for the device."""
    taken = []
    with update.trial():
        for step in range(WARM_UP + TRIED):
            began = time.perf_counter()
            update.gradient(*batch, step)
            taken.append(time.perf_counter() - began)
    return statistics.median(taken[WARM_UP:])
