"""In what numbers a run computes, and whether the same run gives the same bits again.

Weights, the optimizer's state and the loss are float32 whatever is chosen (float64 with fp64).
bf16 is PyTorch's autocast: matrix products and convolutions take bfloat16, and what would lose by
it stays float32. Held-out images are judged in the numbers that the network is trained in.

float32 means float32: TF32 is not used. Every device that has it has bfloat16 too, with the same
range, three bits less and twice the speed.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import torch
from torch import Tensor, nn

from archdsl.training.errors import TrainingError
from archdsl.training.options import AUTO


class Numbers(StrEnum):
    """What `--precision` may ask for, beside auto."""

    BF16 = "bf16"
    FP32 = "fp32"
    FP64 = "fp64"


@dataclass(frozen=True)
class Precision:
    """The numbers of a run. Made by `precision`, for the kind of device that it is to hold on."""

    numbers: Numbers
    kind: str
    """cpu or cuda."""
    deterministic: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """That of weights and losses."""
        return torch.float64 if self.numbers is Numbers.FP64 else torch.float32

    def __str__(self) -> str:
        told = {"bf16": "bf16 autocast", "fp32": "float32", "fp64": "float64"}[self.numbers]
        return f"{told}, deterministic" if self.deterministic else told

    def autocast(self) -> AbstractContextManager[Any]:
        """What a network's forward pass is to run in."""
        return torch.autocast(self.kind, torch.bfloat16, enabled=self.numbers is Numbers.BF16)

    def logits(self, network: nn.Module, images: Tensor) -> Tensor:
        """What a network says of float32 images n x C x H x W, in the numbers of losses."""
        with self.autocast():
            logits: Tensor = network(images.to(self.dtype))
        return logits.to(self.dtype)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Set PyTorch up for it; what was set before comes back.

        Raises:
            TrainingError: the run was to be deterministic, and a layer cannot be on this device.
        """
        products = torch.get_float32_matmul_precision()
        strict = torch.are_deterministic_algorithms_enabled()
        lenient = torch.is_deterministic_algorithms_warn_only_enabled()
        workspace = os.environ.get(_WORKSPACE)
        cudnn = torch.backends.cudnn
        torch.set_float32_matmul_precision("highest")
        if self.deterministic:
            torch.use_deterministic_algorithms(True)
            os.environ[_WORKSPACE] = ":4096:8"
        try:
            with cudnn.flags(
                enabled=cudnn.enabled,
                benchmark=not self.deterministic,  # all batches are of one size
                deterministic=self.deterministic,
                allow_tf32=False,
            ):
                yield
        except RuntimeError as problem:
            if not (self.deterministic and _NO_WAY in str(problem)):
                raise
            raise TrainingError(
                f"--deterministic: {str(problem).partition(_NO_WAY)[0]}can give other bits each "
                f"time on {self.kind}, and PyTorch has no other way there; train without it"
                + (", or with --device cpu" if self.kind != "cpu" else "")
            ) from problem
        finally:
            torch.set_float32_matmul_precision(products)
            torch.use_deterministic_algorithms(strict, warn_only=lenient)
            _restore(_WORKSPACE, workspace)


_WORKSPACE: Final = "CUBLAS_WORKSPACE_CONFIG"
"""Without it, cuBLAS may take memory that several streams share, and PyTorch refuses to go on."""

_NO_WAY: Final = "does not have a deterministic implementation"


def precision(name: str, deterministic: bool, device: torch.device) -> Precision:
    """What `--precision` and `--deterministic` ask for on a device.

    auto is bf16 where the device has instructions for it, else fp32.

    Raises:
        TrainingError: there is no such precision, or not with the other or the device.
    """
    if name not in (AUTO, *Numbers):
        raise TrainingError(f"--precision {name}: it is auto, {', '.join(Numbers)}")
    if deterministic and name == Numbers.BF16:
        raise TrainingError(
            "--deterministic leaves out what is done for speed, so it goes with fp32 or fp64, "
            "not with --precision bf16"
        )
    if name == Numbers.BF16 and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise TrainingError(f"--precision bf16: {device} cannot compute it; use fp32")
    if name == AUTO:
        fast = not deterministic and has_bf16(device)
        return Precision(Numbers.BF16 if fast else Numbers.FP32, device.type, deterministic)
    return Precision(Numbers(name), device.type, deterministic)


def has_bf16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 itself, so that it is faster than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # PyTorch tells of a CPU's instructions since 2.10; elsewhere float32 is never wrong.
    told: Mapping[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(told.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
