"""A network of two devices that several processes train, as torchrun starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from tests.helpers import ROOT

SPEC = """
arch Two(classes=3) {
  input 3x16x16
  devices 2
  a: conv 8 3x3 pad=1
     batchnorm
     relu
     maxpool 4x4 stride=4
     dropout 0.2
  b: conv 8 3x3 pad=1 groups=2
     relu
  f: linear 12
     relu
     dropout 0.5
  g: linear classes
  train {
    data folder "images"
    batch 8
    steps 6
    optimizer sgd lr=0.1 momentum=0.9 weight_decay=0.001 rule=paper
    scale biases lr=2 decay=0
    evaluate every=3
  }
}
"""
PLAIN = SPEC.replace("     batchnorm\n", "")
"""Without what sees a row's images only."""


def write(folder: Path, text: str) -> Path:
    """two.arch, and 16 training and 4 held-out images of each of three classes."""
    draws = np.random.default_rng(0)
    for part, count in (("train", 16), ("val", 4)):
        for label in ("one", "two", "three"):
            images = folder / "images" / part / label
            images.mkdir(parents=True)
            for number in range(count):
                pixels = draws.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(images / f"{number}.png")
    spec = folder / "two.arch"
    spec.write_text(text, encoding="utf-8")
    return spec


def torchrun(
    processes: int,
    folder: Path,
    *words: str,
    module: str = "archdsl",
    restarts: int = 0,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """`archdsl train two.arch --run both …` in so many processes, worked in a folder.

    The `--` keeps torchrun from reading `--run` as one of its own.
    """
    settings = ["--standalone", f"--nproc-per-node={processes}", f"--max-restarts={restarts}"]
    command = [module, "train", "two.arch", "--device", "cpu", "--run", "both", *words]
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *settings, "-m", "--", *command],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


def records(run: Path) -> list[dict[str, float]]:
    """metrics.jsonl, line by line."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def weights(run: Path) -> dict[str, Tensor]:
    """What a run has learned."""
    return load_file(run / "weights.safetensors")


def difference(one: Tensor, other: Tensor) -> float:
    """The largest of two tensors' numbers."""
    return (one.double() - other.double()).abs().max().item()
