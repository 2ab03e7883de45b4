"""The benchmarks, side by side with their peers in one run:  make bench

Each table gives medians, what they are measured by, and the bound that the ratio must reach; a
missed bound ends the run with exit code 1. Runs are in turns, so that what else the machine does
falls on all of them alike.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import growth
from peers import norca

import archdsl
from archdsl.codegen.layout import Layout
from archdsl.codegen.layouts import module
from archdsl.codegen.probes import probes
from archdsl.compiler import compile_file
from archdsl.diagram.graph import graph
from archdsl.diagram.layout import picture

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "specs" / "alexnet.arch"
PEERS = Path(__file__).resolve().parent / "peers"
STEP = Path(__file__).resolve().parent / "step.py"
TRAINING = Path(__file__).resolve().parent / "training.py"
FUSED, RANKS = Layout.FUSED, Layout.RANKS

COLD_RUNS = 15
LAYERS = 10_000
LAYERS_RUNS = 5
SPEC_RUNS = 3
STEP_RUNS = 5
TRAINING_RUNS = 3

OF_NORCA = 3.5
"""A cold check may take this many times as long as n-orca's, which has no grammar, no models of
its words and no table."""
OF_TORCHINFO = 0.13
OF_TORCHVIEW = 0.2
ZOO_SECONDS = 10.0
AHEAD = 4.0
"""How many times faster than n-orca a check of LAYERS must be in one process."""
OF_ONE_THREAD, OF_TWO_THREADS = 0.55, 1.0
"""Two processes make good use of two cores, and no worse use than one process does. How much better
is not theirs to say: what one process loses it loses to the system, which clears its memory anew in
each pass (see RESULTS.md)."""
FASTER = 1.6
"""How many times as long a plain loop takes for a step, on a processor with bfloat16."""
WITH_DATA = 0.95
"""Of the speed on one batch in memory."""
SPEC_SECONDS = 1.0
"""For any spec in the repository, the edits that would mend it included."""


@dataclass(frozen=True)
class Row:
    """A line of a table: a ratio, or a time in seconds, and the bound that it must reach."""

    name: str
    shown: str
    ratio: float
    most: float | None = None
    least: float | None = None

    @property
    def holds(self) -> bool:
        return (self.most is None or self.ratio <= self.most) and (
            self.least is None or self.ratio >= self.least
        )

    def __str__(self) -> str:
        bound = f"≤ {self.most:g}" if self.most is not None else ""
        bound = f"≥ {self.least:g}" if self.least is not None else bound
        verdict = ("✓" if self.holds else "✗ MISSED") if bound else ""
        return f"  {self.name:34}{self.shown:>12}{self.ratio:10.2f}   {bound:8}{verdict}".rstrip()


def cold() -> Iterator[Row]:
    """A whole process: archdsl check of AlexNet against doing nothing, n-orca and torchinfo."""
    scripts = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        times = alternately(
            {
                "archdsl check": [str(scripts / "archdsl"), "check", str(SPEC)],
                "python -I -c pass": [sys.executable, "-I", "-c", "pass"],
                "n-orca verify": [
                    str(scripts / "n-orca"),
                    "verify",
                    str(PEERS / "alexnet.n.orca.md"),
                ],
                "torchinfo summary": torch_tool("torchinfo", Path(folder)),
            }
        )
    own = times["archdsl check"]
    bounds = {"n-orca verify": OF_NORCA, "torchinfo summary": OF_TORCHINFO}
    yield Row("archdsl check", milliseconds(own), 1)
    for name, taken in list(times.items())[1:]:
        yield Row(f"against {name}", milliseconds(taken), own / taken, most=bounds.get(name))


def pictures() -> Iterator[Row]:
    """A whole process: the picture of AlexNet as SVG, both laid out by Graphviz."""
    scripts = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        own, theirs = (str(Path(folder) / name) for name in ("own.svg", "theirs.svg"))
        times = alternately(
            {
                "archdsl render --svg": [
                    str(scripts / "archdsl"), "render", str(SPEC), "--svg", "-o", own
                ],
                "torchview": [*torch_tool("torchview", Path(folder)), theirs],
            }
        )  # fmt: skip
    mine, peer = times.values()
    yield Row("archdsl render --svg", milliseconds(mine), 1)
    yield Row("against torchview", milliseconds(peer), mine / peer, most=OF_TORCHVIEW)
    began = time.perf_counter()
    for path in sorted((ROOT / "specs").rglob("*.arch")):
        for network in compile_file(path).archs:
            picture(graph(network), "svg")
    taken = time.perf_counter() - began
    yield Row("all networks of specs/, in seconds", milliseconds(taken), taken, most=ZOO_SECONDS)


def torch_tool(tool: str, folder: Path) -> list[str]:
    """The command by which a tool of PyTorch's looks at AlexNet as emitted into a folder."""
    net = archdsl.load(SPEC)
    emitted = folder / "alexnet.py"
    emitted.write_text(net.pytorch(), encoding="utf-8")
    size = map(str, net.network.input.dims)
    return [sys.executable, str(PEERS / "torch_tools.py"), tool, str(emitted), net.name, *size]


def alternately(commands: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """The median time of each command, in seconds; one run to warm up, then in turns."""
    environment = {**os.environ, "NO_COLOR": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for run in range(COLD_RUNS + 1):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
            if run:
                taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


def in_process() -> Iterator[Row]:
    """The same chain of LAYERS in one process, each through its own functions."""
    text, peer = growth.chain(LAYERS), norca.chain(LAYERS)
    growth.seconds(growth.chain(100), 100)
    norca.seconds(norca.chain(100))
    times = [(growth.seconds(text, LAYERS), norca.seconds(peer)) for _ in range(LAYERS_RUNS)]
    own, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    yield Row("archdsl", milliseconds(own), 1)
    yield Row("n-orca, how many times as long", milliseconds(theirs), theirs / own, least=AHEAD)


def linear() -> Iterator[Row]:
    """How the time grows from 1,000 layers to 10,000."""
    for name, few, many in growth.medians():
        yield Row(name, milliseconds(many), many / few, most=growth.LIMIT)


def repairs() -> Iterator[Row]:
    """The slowest spec, by its median: all that are in specs/, and the bad ones of the tests."""
    folders = (ROOT / "specs", ROOT / "tests" / "cases" / "invalid")
    specs = sorted(path for folder in folders for path in folder.rglob("*.arch"))
    times = {path: statistics.median(compiling(path) for _ in range(SPEC_RUNS)) for path in specs}
    slowest = sorted(specs, key=lambda path: -times[path])[:3]
    for path in slowest:
        name = str(path.relative_to(ROOT))
        yield Row(name[-34:], milliseconds(times[path]), times[path], most=SPEC_SECONDS)


def compiling(path: Path) -> float:
    """The time of compiling a spec, in seconds; it may have errors."""
    began = time.perf_counter()
    compile_file(path)
    return time.perf_counter() - began


def layouts() -> Iterator[Row]:
    """AlexNet, batch 32 at 227, forward and backward: two processes against one, ours by hand."""
    net = archdsl.load(SPEC)
    with tempfile.TemporaryDirectory() as folder:
        files = {layout: Path(folder) / f"{layout.value}.py" for layout in (FUSED, RANKS)}
        found = probes(net.analysis)
        for layout, path in files.items():
            path.write_text(module(net.analysis, found, layout).text, encoding="utf-8")
        single = [sys.executable, str(STEP)]
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        commands = {
            "two ranks x 1 thread": [*torchrun, "--nproc-per-node=2", str(STEP), str(files[RANKS])],
            "fused x 1 thread": [*single, str(files[FUSED])],
            "fused x 2 threads": [*single, str(files[FUSED])],
            "by hand x 2 threads": [*single, str(PEERS / "alexnet_by_hand.py")],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(STEP_RUNS):
            for name, command in commands.items():
                threads = "2" if name.endswith("2 threads") else "1"
                environment = {**os.environ, "OMP_NUM_THREADS": threads}
                done = subprocess.run(
                    [*command, threads], check=True, capture_output=True, env=environment
                )
                taken[name].append(float(done.stdout))
    times = {name: statistics.median(each) for name, each in taken.items()}
    ranks, one, two, hand = times.values()
    yield Row("two ranks x 1 thread", milliseconds(ranks), 1)
    yield Row("against fused x 1 thread", milliseconds(one), ranks / one, most=OF_ONE_THREAD)
    yield Row("against fused x 2 threads", milliseconds(two), ranks / two, most=OF_TWO_THREADS)
    yield Row("fused x 2 threads, by hand", milliseconds(hand), two / hand, most=1.05)


def training_steps() -> Iterator[Row]:
    """Whole steps at batch 32, two threads: `archdsl train`'s against a loop as one writes it."""
    from training import write_images

    with tempfile.TemporaryDirectory() as images:
        write_images(Path(images), classes=1000, each=1)
        for name in ("torchvision", "alexnet"):
            taken: dict[str, list[list[float]]] = {"ours": [], "plain": []}
            for _ in range(TRAINING_RUNS):
                for kind, found in taken.items():
                    command = [sys.executable, str(TRAINING), kind, name, "2", images]
                    # As the command `train` sets it.
                    policy = {"OMP_WAIT_POLICY": "passive"} if kind == "ours" else {}
                    done = subprocess.run(
                        command, check=True, capture_output=True, env={**os.environ, **policy}
                    )
                    found.append(json.loads(done.stdout))
            (one, piped), (plain,) = (
                [statistics.median(column) for column in zip(*found, strict=True)]
                for found in taken.values()
            )
            yield Row(f"{name}: archdsl train", milliseconds(one), 1)
            yield Row("plain eager, times as long", milliseconds(plain), plain / one, least=FASTER)
            yield Row("its speed with data", milliseconds(piped), one / piped, least=WITH_DATA)


def milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:,.1f} ms"


TABLES = {
    "cold: a process from start to end": cold,
    "pictures": pictures,
    f"in process: a chain of {LAYERS:,} layers": in_process,
    "growth: 10,000 layers against 1,000": linear,
    "the slowest specs of the repository, in seconds": repairs,
    "AlexNet, batch 32, forward and backward": layouts,
    "training steps, batch 32": training_steps,
}


def main() -> None:
    missed = 0
    for title, table in TABLES.items():
        print(title)
        for row in table():
            print(row)
            missed += not row.holds
        print()
    if missed:
        raise SystemExit(f"{missed} bounds are missed")


if __name__ == "__main__":
    main()
