"""The networks of specs/ that have no errors, and one that has everything that composes."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from archdsl import load
from archdsl.api import Arch
from tests.helpers import SPECS

WRONG = {"alexnet_224", "one_device", "torchvision", "two_gpu_table"}
"""Sources that contradict themselves, on purpose: there is no module of them."""


class Spec(NamedTuple):
    path: Path
    arch: str


def _found() -> dict[str, Spec]:
    """By the name of the golden: that of the file, with the arch where it has several."""
    found = {"composed": Spec(Path(__file__).parent / "composed.arch", "Composed")}
    for path in sorted(SPECS.rglob("*.arch")):
        archs = re.findall(r"^arch (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        for arch in archs if path.stem not in WRONG else []:
            found[path.stem if len(archs) == 1 else f"{path.stem}_{arch}"] = Spec(path, arch)
    return found


SOUND = _found()


@cache
def arch_of(name: str) -> Arch:
    """The network, compiled once."""
    return load(SOUND[name].path, arch=SOUND[name].arch)
