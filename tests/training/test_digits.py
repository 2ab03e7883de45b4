"""examples/digits.py: a folder that can be trained on."""

import subprocess
import sys
from pathlib import Path

from archdsl.training.data.sources import Wanted, load
from archdsl.words.recipe import Folder
from archdsl.words.word import Quoted

SCRIPT = Path(__file__).parents[2] / "examples" / "digits.py"


def digits(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_digits_become_a_folder_and_overwrite_none(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "digits"
    assert digits(folder).returncode == 0
    found = load(Folder(path=Quoted(str(folder))), Wanted(1, 8, 8, square=False, classes=10))
    assert found.classes == tuple("0123456789")
    assert len(found.train) + len(found.test) == 1797
    # Every fifth image of a class is held out, the first among them.
    counts = found.test.labels.bincount() * 5 - (
        found.train.labels.bincount() + found.test.labels.bincount()
    )
    assert counts.min() >= 0
    assert counts.max() < 5
    # The first row of the first image, a nought, has ink 0, 0, 5, 13, 9, 1, 0, 0 of 16.
    assert found.test.images[0, 0, 0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]
    again = digits(folder)
    assert again.returncode == 2
    assert "is left as it is" in again.stderr
