"""`archdsl train`, of which process DYING_RANK fails before update DYING_STEP.

DYING_OF is `kill`, and the process that torchrun starts in its place does not die again, or
`memory`.
"""

from __future__ import annotations

import os
import signal

import torch
from torch import Tensor

from archdsl.cli import main
from archdsl.training.update import Update

_update = Update.__call__


def _dying(
    self: Update, images: Tensor, labels: Tensor, step: int, factor: float
) -> tuple[float, float]:
    here = (os.environ["RANK"], str(step)) == (os.environ["DYING_RANK"], os.environ["DYING_STEP"])
    if here and os.environ["DYING_OF"] == "memory":
        raise torch.OutOfMemoryError
    if here and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    return _update(self, images, labels, step, factor)


if __name__ == "__main__":
    Update.__call__ = _dying  # type: ignore[method-assign]
    main()
