"""The study "Tweaking the AlexNet" from end to end, at a size that a laptop trains.

    python examples/tweaking/study.py                                    # the built-in data
    python examples/tweaking/study.py --data cifar10:cifar-10-batches-bin

trains the networks of study.arch one after the other and leaves in --out a run's folder for each,
table.txt, losses.png (the three models of the study in one plot) and dying.png (how the activations
of Small's second fully connected layer spread over training, and how many of its units died). Begun
again with the same arguments it goes on where it stopped.
"""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

import archdsl
from archdsl.styled import plain
from archdsl.training import TrainingError, compared, draw_comparison, job, reporter, train
from archdsl.training.afterwards.tables import comparison
from archdsl.training.keeping.layer_plots import activations
from archdsl.training.keeping.record import ACTIVATIONS
from archdsl.words.recipe import Shapes, data_from_text

STUDY = Path(__file__).with_name("study.arch")

MODELS = ("Original", "Tanh", "Small")
ABLATIONS = ("WithoutConv2", "WithoutConv345", "WithoutFc7")

DYING = "Small", "fc7.relu"
"""The layer whose activations the study draws."""

EVALUATIONS = 10
"""In a run: as many points have the held-out curves, and columns the histograms."""


def main() -> None:
    arguments = parsed()
    data = data_from_text(arguments.data)
    if data is None:
        sys.exit(f"--data {arguments.data}: write shapes, cifar10:DIR or folder:DIR")
    if isinstance(data, Shapes):
        print("The data is drawn by archdsl: figures on it are not figures on photographs.\n")
    lines = [
        f"batch {arguments.batch}",
        f"steps {arguments.steps}",
        f"seed {arguments.seed}",
        f"evaluate every={max(1, arguments.steps // EVALUATIONS)}",
    ]
    parameters = {"size": arguments.size, "classes": arguments.classes}
    folders = {name: arguments.out / name for name in (*MODELS, *ABLATIONS)}
    try:
        for name, folder in folders.items():
            if (folder / "result.json").exists():
                continue
            arch = archdsl.load(STUDY, arch=name, parameters=parameters)
            told = reporter(Console())
            train(job(arch, data, lines), folder, arguments.device, report=told, resume=True)
            print()
        entries = compared(list(folders.values()))
        draw_comparison(entries[: len(MODELS)], arguments.out / "losses.png")
    except (archdsl.SpecError, TrainingError) as problem:
        sys.exit(str(problem))
    draw_dying(folders[DYING[0]], arguments.out / "dying.png")
    table = "\n".join(plain(line) for line in comparison(entries))
    (arguments.out / "table.txt").write_text(table + "\n", encoding="utf-8")
    print(table)
    print(f"\n{arguments.out} has table.txt, losses.png, dying.png and the runs")


def parsed() -> argparse.Namespace:
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="shapes", help="shapes, cifar10:DIR, folder:DIR, …")
    parser.add_argument("--classes", type=int, default=10, help="of the data")
    parser.add_argument("--size", type=int, default=67, help="of the input: 67, 99, 131, … 227")
    parser.add_argument("--steps", type=int, default=850, help="iterations of each network")
    parser.add_argument("--batch", type=int, default=32, help="images in an iteration")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or one like cuda:1")
    parser.add_argument("--out", type=Path, default=Path("runs/tweaking"), help="a folder")
    return parser.parse_args()


def draw_dying(run: Path, output: Path) -> None:
    """Draw one layer's activations over a run's training."""
    text = (run / ACTIVATIONS).read_text(encoding="utf-8")
    records = [json.loads(line) for line in text.splitlines()]
    found = [record for record in records if record["layer"] == DYING[1]]
    output.write_bytes(activations(found, f"{DYING[0]}'s second fully connected layer"))


if __name__ == "__main__":
    main()
