"""How far a linear softmax classifier gets on the pixels of the built-in data: the floor to beat.

    python bench/linear_baseline.py

trains one weight per pixel and class on the 16,000 training images of 3x67x67 that `archdsl train
specs/small.arch` uses, at several learning rates, and prints each one's top-1 on the 4,000 test
images after every epoch's end. The best of all of them is what to quote: choosing it on the test
set favours the linear classifier.
"""

import argparse

import torch
from torch import nn
from torch.nn import functional

from archdsl.training.data.sources import Data, Wanted, load
from archdsl.training.report import standard_error
from archdsl.words.recipe import Shapes

BATCH = 100
MOMENTUM = 0.9


def top1_by_epoch(data: Data, rate: float, epochs: int) -> list[float]:
    """Share of test images named rightly after each epoch of SGD from zero weights, 0..1."""
    torch.manual_seed(0)
    pixels = data.train.images.float()
    mean, std = pixels.mean((0, 2, 3), keepdim=True), pixels.std((0, 2, 3), keepdim=True)
    train = ((pixels - mean) / std).flatten(1)
    test = ((data.test.images.float() - mean) / std).flatten(1)
    classifier = nn.Linear(train.shape[1], len(data.classes))
    nn.init.zeros_(classifier.weight)
    optimizer = torch.optim.SGD(classifier.parameters(), lr=rate, momentum=MOMENTUM)
    found = []
    for epoch in range(epochs):
        # A straight line down to a tenth: the last steps average the noise away.
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - 0.9 * epoch / max(1, epochs - 1))
        for batch in torch.split(torch.randperm(len(train)), BATCH):
            loss = functional.cross_entropy(classifier(train[batch]), data.train.labels[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's is not typed
            optimizer.step()
        with torch.no_grad():
            right = classifier(test).argmax(1) == data.test.labels
        found.append(right.double().mean().item())
    return found


def main() -> None:
    """Print a line for each learning rate, and the best."""
    parser = argparse.ArgumentParser(description="A linear classifier on the built-in data.")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-5, 3e-5, 1e-4, 3e-4])
    arguments = parser.parse_args()
    data = load(Shapes(), Wanted(3, 67, 67, square=False, classes=10))
    best = 0.0
    for rate in arguments.rates:
        found = top1_by_epoch(data, rate, arguments.epochs)
        best = max(best, *found)
        print(f"lr {rate:g}: top-1", " ".join(f"{100 * top1:.1f}" for top1 in found), "%")
    error = standard_error(best, len(data.test))
    print(f"best: {100 * best:.1f} ± {100 * error:.1f} % on {len(data.test):,} synthetic images")


if __name__ == "__main__":
    main()
