"""Turn the handwritten digits that scikit-learn bundles into a folder that `archdsl train` reads.

    python examples/digits.py data/digits

writes 1,797 images of 8x8 pixels (Alpaydin and Kaynak, 1998) as PNG files: train/0 to train/9 and
val/0 to val/9, every fifth image of a class held out. Then, in a train block:

    data folder "data/digits"
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

HELD_OUT = 5  # one image in so many goes to val/


def write(folder: Path) -> tuple[int, int]:
    """Write the digits into a new folder; how many went to train/ and how many to val/.

    Raises:
        FileExistsError: the folder exists.
    """
    digits = load_digits()
    folder.mkdir(parents=True)
    counts = {"train": 0, "val": 0}
    seen = dict.fromkeys(range(10), 0)
    for number, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        split = "val" if seen[digit] % HELD_OUT == 0 else "train"
        seen[digit] += 1
        counts[split] += 1
        place = folder / split / str(digit)
        place.mkdir(parents=True, exist_ok=True)
        # Ink is 0..16 in the source.
        grey = np.round(pixels * (255 / 16)).astype(np.uint8)
        Image.fromarray(grey).save(place / f"{number:04}.png")
    return counts["train"], counts["val"]


def main() -> int:
    """The command line: one argument, the folder to make."""
    parser = argparse.ArgumentParser(description="Write scikit-learn's digits as image files.")
    parser.add_argument("folder", type=Path, help="the folder to make; it must not exist")
    folder: Path = parser.parse_args().folder
    try:
        train, held_out = write(folder)
    except FileExistsError:
        print(f"{folder} exists and is left as it is; name another folder", file=sys.stderr)
        return 2
    print(f"{folder}: {train:,} training and {held_out:,} held-out images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
