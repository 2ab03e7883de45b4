"""A network small enough to train in a test, and image folders to train it on."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from archdsl.training import Job
from archdsl.words.recipe import AdamW, Data, Folder, Recipe
from archdsl.words.word import Quoted

MODULE = '''\
"""A tiny network."""

import torch
from torch import Tensor, nn


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential()
        self.conv1.add_module("conv", nn.Conv2d(3, 8, kernel_size=3, stride=2))
        self.conv1.add_module("relu", nn.ReLU())
        self.fc2 = nn.Sequential()
        self.fc2.add_module("flatten", nn.Flatten())
        self.fc2.add_module("dropout", nn.Dropout(0.2))
        self.fc2.add_module("linear", nn.Linear(8 * 5 * 5, 3))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(self.conv1(x))
        return out
'''
PARAMETERS = 3 * 8 * 9 + 8 + 200 * 3 + 3

COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 50, 40)}


def write_folder(root: Path, counts: Mapping[str, int], size: tuple[int, int] = (12, 12)) -> Path:
    """train/COLOUR/*.png and val/COLOUR/*.png of noisy plain colours, width x height."""
    noise = np.random.default_rng(0)
    for split, count in counts.items():
        for name, colour in COLOURS.items():
            place = root / split / name
            place.mkdir(parents=True)
            for i in range(count):
                shade = noise.integers(-40, 41, (size[1], size[0], 3))
                pixels = np.clip(shade + colour, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(place / f"{i}.png")
    return root


def tiny(recipe: Recipe) -> Job:
    """The tiny network by a recipe."""
    return Job(
        name="tiny",
        input=(3, 12, 12),
        classes=3,
        module=MODULE,
        class_name="Tiny",
        spec="arch Tiny { input 3x12x12 }\n",
        spec_name="tiny.arch",
        recipe=recipe,
        parameters=PARAMETERS,
    )


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Threads cost a tiny network more than they bring, and two test runs would fight over them."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers on every machine, also on one whose processor has bfloat16."""
    monkeypatch.setattr("archdsl.training.precision.has_bf16", lambda device: False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """40 training and 10 held-out images of 12x12 in each of three classes."""
    return write_folder(tmp_path / "data", {"train": 40, "val": 10})


@pytest.fixture
def recipe(folder: Path) -> Recipe:
    """Twelve steps of ten images."""
    return Recipe(
        data=Folder(path=Quoted(str(folder))),
        batch=10,
        epochs=None,
        steps=12,
        optimizer=AdamW(lr=0.01),
    )


@pytest.fixture
def make_job() -> Callable[[Recipe], Job]:
    """A job for the tiny network, 3x12x12 to three classes, by any recipe."""

    return tiny


@pytest.fixture
def job(make_job: Callable[[Recipe], Job], recipe: Recipe) -> Job:
    """The tiny network on the folder of colours."""
    return make_job(recipe)


@pytest.fixture
def source(folder: Path) -> Data:
    """The folder as a recipe names it."""
    return Folder(path=Quoted(str(folder)))
