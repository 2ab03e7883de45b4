"""Event files for TensorBoard, where it is installed."""

from collections.abc import Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from archdsl.training.keeping import record


class Board:
    """The records of a run as scalars of TensorBoard: train/loss, evaluation/top1 and so on.

    Without the package `tensorboard` it does nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._installed = find_spec("tensorboard") is not None
        self._writer: Any = None
        self._open = ExitStack()

    def __enter__(self) -> "Board":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def add(self, kind: str, values: Mapping[str, float]) -> None:
        """One record of a kind ("train", "evaluation").

        Raises:
            TrainingError: the disk is full.
        """
        if not self._installed:
            return
        try:
            self._add(kind, values, int(values["step"]))
        except OSError as problem:
            raise record.unwritable(self._folder, problem) from problem

    def _add(self, kind: str, values: Mapping[str, float], step: int) -> None:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # A run that goes on from a checkpoint takes back what it had recorded after that.
            writer = SummaryWriter(str(self._folder), purge_step=step)
            self._writer = self._open.enter_context(writer)
        for name, value in values.items():
            if name != "step":
                self._writer.add_scalar(f"{kind}/{name}", value, step)
        self._writer.flush()
