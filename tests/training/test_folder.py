"""The layouts that image folders are published in."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archdsl.training import TrainingError
from archdsl.training.data.sources import Data, Wanted, load
from archdsl.words.recipe import Folder
from archdsl.words.word import Quoted

from .conftest import write_folder

HELPERS = (".DS_Store", "._0.png", "Thumbs.db", "desktop.ini")
"""What systems leave among images."""

NUMBERS = ("n01443537", "n01629819", "n02012849")


def read(root: Path) -> Data:
    return load(Folder(path=Quoted(str(root))), Wanted(3, 8, 8, square=False, classes=3))


def picture(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (level, level, level)).save(path, quality=95)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """tiny-imagenet-200 with three classes: the grey of an image is 10 times its class, plus it."""
    root = tmp_path / "tiny-imagenet-200"
    for label, number in enumerate(NUMBERS):
        for i in range(2):
            picture(root / "train" / number / "images" / f"{number}_{i}.JPEG", 100 * label + 10 * i)
        (root / "train" / number / f"{number}_boxes.txt").write_text(f"{number}_0.JPEG\t0\t0\t7\t7")
    rows = []
    for i, label in enumerate((2, 0, 1, 0)):
        picture(root / "val" / "images" / f"val_{i}.JPEG", 100 * label + 50 + i)
        rows.append(f"val_{i}.JPEG\t{NUMBERS[label]}\t0\t32\t44\t62\n")
    (root / "val" / "val_annotations.txt").write_text("".join(rows))
    picture(root / "test" / "images" / "test_0.JPEG", 9)
    (root / "wnids.txt").write_text("\n".join(reversed(NUMBERS)))
    (root / "words.txt").write_text(
        "n00001740\tentity\nn01443537\tgoldfish, Carassius auratus\nn01629819\tcrane\n"
        "n02012849\tcrane\n"
    )
    return root


def test_tiny_imagenet_as_it_is_published(tiny: Path) -> None:
    found = read(tiny)
    assert found.classes == (
        "goldfish, Carassius auratus",
        "crane (n01629819)",
        "crane (n02012849)",
    )
    assert found.train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.train.images[:, 0, 4, 4].tolist() == [0, 10, 100, 110, 200, 210]
    # val_1 and val_3 are of class 0, val_2 of class 1, val_0 of class 2.
    assert found.test.labels.tolist() == [0, 0, 1, 2]
    assert found.test.images[:, 0, 4, 4].tolist() == [51, 53, 152, 250]


def test_of_the_layouts_own_files_nothing_is_told(tiny: Path) -> None:
    assert read(tiny).note == ""


@pytest.mark.parametrize(
    ("others", "note"),
    [
        (HELPERS, ""),
        (("notes.txt",), "1 file with another suffix is passed over: .txt"),
        (
            ("train/red/a.XML", "train/red/b.xml", "val/blue/c.txt", "val/red/LICENSE"),
            "4 files with other suffixes are passed over: .txt, .xml, none",
        ),
    ],
)
@pytest.mark.parametrize("cache", [True, False])
def test_files_that_are_taken_for_no_image_are_told_of(
    tmp_path: Path, others: tuple[str, ...], note: str, cache: bool
) -> None:
    root = write_folder(tmp_path / "data", {"train": 2, "val": 1}, size=(8, 8))
    for other in others:
        place = root / other if "/" in other else root / "train" / "green" / other
        place.write_bytes(b"no picture")
    (root / "train" / "green" / "more.txt").mkdir()  # a folder is no file
    source, wanted = Folder(path=Quoted(str(root))), Wanted(3, 8, 8, square=False, classes=3)
    found = [load(source, wanted, cache=cache) for _ in range(2)]  # decoded, and out of the cache
    assert [each.note for each in found] == [note, note]
    assert len(found[0].train) == 6


def test_all_that_is_to_be_told_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the cache cannot be used: it is below a file."""
    root = write_folder(tmp_path / "data", {"train": 2, "val": 1}, size=(8, 8))
    (root / "train" / "red" / "a.txt").touch()
    monkeypatch.setenv("ARCHDSL_CACHE", str(root / "train" / "red" / "a.txt" / "cache"))
    first, second, _ = read(root).note.split("; ")
    assert first == "1 file with another suffix is passed over: .txt"
    assert second.startswith("the cache cannot be used")


def test_an_image_without_a_line_is_named(tiny: Path) -> None:
    picture(tiny / "val" / "images" / "val_9.JPEG", 0)
    with pytest.raises(TrainingError, match=r"val_annotations\.txt has no line for val_9\.JPEG"):
        read(tiny)


def test_a_line_without_an_image_is_named(tiny: Path) -> None:
    (tiny / "val" / "images" / "val_2.JPEG").unlink()
    with pytest.raises(TrainingError, match=r"images lacks val_2\.JPEG, which val_annotations"):
        read(tiny)


def test_held_out_images_may_be_called_test(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "data", {"train": 2, "test": 1}, size=(8, 8))
    found = read(root)
    assert found.test.labels.tolist() == [0, 1, 2]
    with Image.open(root / "test" / "green" / "0.png") as image:
        assert np.array_equal(found.test.images[1].numpy().transpose(1, 2, 0), np.asarray(image))
    shutil.rmtree(root / "test" / "red")
    with pytest.raises(TrainingError, match="train/ has red and test/ has not"):
        read(root)


def test_val_comes_before_test(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "data", {"train": 1, "test": 2, "val": 3}, size=(8, 8))
    assert len(read(root).test) == 9


def test_images_without_classes_are_refused_with_a_remedy(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "data", {"train": 1}, size=(8, 8))
    for i in range(3):
        picture(root / "val" / f"ILSVRC2012_val_0000000{i}.JPEG", 0)
    with pytest.raises(
        TrainingError,
        match=r"val has no class folders but 3 images, and nothing says of what .* val/CLASS/",
    ):
        read(root)
