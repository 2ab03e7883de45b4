"""The study "Tweaking the AlexNet" from end to end, at a size that a laptop trains.

    python examples/tweaking/study.py                                    # the built-in data
    python examples/tweaking/study.py --data cifar10:cifar-10-batches-bin

trains the networks of study.arch one after the other and leaves in --out a run's folder for each,
table.txt, losses.png (the three models of the study in one plot) and dying.png (how the activations
of Small's second fully connected layer spread over training, and how many of its units died). Begun
again with the same arguments it goes on where it stopped.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

try:
    from rich.console import Console

    import archdsl
    from archdsl.styled import plain
    from archdsl.training import (
        Differs,
        Finished,
        Interrupted,
        Job,
        Options,
        TrainingError,
        WrongClasses,
        compared,
        draw_comparison,
        job,
        reporter,
        train,
    )
    from archdsl.training.afterwards.tables import comparison
    from archdsl.training.keeping import record
    from archdsl.training.keeping.layer_plots import activations
    from archdsl.words.recipe import Data, Shapes, data_from_text
except ModuleNotFoundError as missing:
    sys.exit(f"the study needs {missing.name}: install it with  pip install '.[train]'")

STUDY = Path(__file__).with_name("study.arch")

MODELS = ("Original", "Tanh", "Small")
ABLATIONS = ("WithoutConv2", "WithoutConv345", "WithoutFc7")

DYING = "Small", "fc7.relu"
"""The layer whose activations the study draws."""

EVALUATIONS = 10
"""In a run: as many points have the held-out curves, and columns the histograms."""


def main() -> None:
    parser = options()
    asked = parser.parse_args()
    out: Path = asked.out
    try:
        archs = networks(asked)
    except archdsl.SpecError as problem:
        parser.exit(2, f"{parser.prog}: error: {problem}\n")
    try:
        jobs = planned(asked, archs)
    except archdsl.SpecError as problem:
        first = problem.diagnostics[0].message if problem.diagnostics else str(problem)
        wrong = f"--size {asked.size} --classes {asked.classes}: {first}"
        parser.error(f"{wrong}; every layer tiles at 67, 99, 131, … 227")
    try:
        out.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=out).close()
    except OSError as problem:
        parser.error(f"argument --out: {out} cannot be written ({problem.strerror})")
    if isinstance(asked.data, Shapes):
        print("The data is drawn by archdsl: figures on it are not figures on photographs.\n")
    try:
        for number, (name, one) in enumerate(jobs.items(), 1):
            print(f"{name}, {number} of {len(jobs)}")
            trained(one, out / name, asked.device)
        print(f"\n{results(out)}")
    except Differs as problem:
        told = f"the runs in {out} are others: {'; '.join(problem.differences)}"
        parser.error(f"{told}; give the arguments they were begun with, or another --out")
    except WrongClasses as problem:
        parser.error(f"argument --classes: {asked.classes}, and the data has {problem.held}")
    except TrainingError as problem:
        parser.exit(2, f"{parser.prog}: error: {problem}\n")
    except KeyboardInterrupt as stopped:
        print("stopped; begun again with the same arguments the study goes on", file=sys.stderr)
        sys.exit(stopped.exit_code if isinstance(stopped, Interrupted) else 130)
    print(f"\n{out} has table.txt, losses.png, dying.png and the runs")


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data",
        type=data,
        default="shapes",
        metavar="KIND[:PATH]",
        help="shapes, cifar10:PATH, cifar100:PATH, folder:DIR or parquet:DIR",
    )
    parser.add_argument("--classes", type=at_least(1), default=10, help="of the data")
    parser.add_argument(
        "--size", type=at_least(1), default=67, help="of the input: 67, 99, 131, … 227"
    )
    parser.add_argument("--steps", type=at_least(1), default=850, help="iterations of each network")
    parser.add_argument("--batch", type=at_least(1), default=32, help="images in an iteration")
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or one like cuda:1")
    parser.add_argument("--out", type=Path, default=Path("runs/tweaking"), help="a folder")
    return parser


def data(text: str) -> Data:
    """What --data says."""
    found = data_from_text(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text}: write shapes, cifar10:PATH, folder:DIR, …")
    return found


def at_least(least: int) -> Callable[[str], int]:
    """A whole number, none smaller than that."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text}: it is a whole number from {least}")
        return int(text)

    return number


def networks(asked: argparse.Namespace) -> dict[str, archdsl.Arch]:
    """The networks of study.arch by their names. Raises SpecError where they cannot be read."""
    parameters = {"size": asked.size, "classes": asked.classes}
    return {
        name: archdsl.load(STUDY, arch=name, parameters=parameters) for name in MODELS + ABLATIONS
    }


def planned(asked: argparse.Namespace, archs: dict[str, archdsl.Arch]) -> dict[str, Job]:
    """What to train, by the networks' names. Raises SpecError where one does not check."""
    lines = [
        f"batch {asked.batch}",
        f"steps {asked.steps}",
        f"seed {asked.seed}",
        f"evaluate every={max(1, asked.steps // EVALUATIONS)}",
    ]
    return {name: job(arch, asked.data, lines) for name, arch in archs.items()}


def trained(one: Job, run: Path, device: str) -> None:
    """Train a network, or what is left of that. Raises TrainingError."""
    try:
        train(one, run, Options(device=device, resume=True), reporter(Console()))
    except Finished:
        print(f"{run} is finished")
    print()


def results(out: Path) -> str:
    """Draw and write what the runs came to; the table. Raises TrainingError."""
    entries = compared([out / name for name in MODELS + ABLATIONS])
    draw_comparison(entries[: len(MODELS)], out / "losses.png")
    name, layer = DYING
    records = record.read_metrics(out / name / record.ACTIVATIONS)
    seen = [each for each in records if each["layer"] == layer]
    title = f"{name}'s second fully connected layer"
    record.write(out / "dying.png", activations(seen, title))
    table = "\n".join(plain(line) for line in comparison(entries))
    record.write(out / "table.txt", f"{table}\n")
    return table


if __name__ == "__main__":
    main()
