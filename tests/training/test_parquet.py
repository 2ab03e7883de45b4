"""Parquet files as the Hugging Face hub has them, written by `datasets` itself."""

import io
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from archdsl.training import TrainingError
from archdsl.training.data.sources import Data, Wanted, load
from archdsl.words.recipe import Parquet, data_from_text
from archdsl.words.word import Quoted

CLASSES = ["cat", "dog", "eel"]
FEATURES = datasets.Features(
    {"image": datasets.Image(), "label": datasets.ClassLabel(names=CLASSES)}
)


def png(level: int, size: tuple[int, int] = (8, 8)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (level, level, level)).save(written, "PNG")
    return written.getvalue()


def write(
    path: Path,
    labels: list[int],
    features: Any = FEATURES,
    names: tuple[str, str] = ("image", "label"),
) -> Path:
    """Row i is an image of grey 10 · i, by its label."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image, label = names
    rows = {
        image: [{"bytes": png(10 * i), "path": f"{i}.png"} for i in range(len(labels))],
        label: labels,
    }
    more: dict[str, list[Any]] = {name: [0] * len(labels) for name in set(features) - set(rows)}
    datasets.Dataset.from_dict({**rows, **more}, features=features).to_parquet(path)
    return path


def read(root: Path, classes: int = 3, cache: bool = True) -> Data:
    wanted = Wanted(3, 8, 8, square=False, classes=classes)
    return load(Parquet(path=Quoted(str(root))), wanted, cache=cache)


@pytest.mark.parametrize("inside", ["", "data", "plain_text"])
@pytest.mark.parametrize("held_out", ["validation", "test"])
def test_a_hub_folder(tmp_path: Path, inside: str, held_out: str) -> None:
    write(tmp_path / inside / "train-00000-of-00002.parquet", [2, 0, 1])
    write(tmp_path / inside / "train-00001-of-00002.parquet", [1])
    write(tmp_path / inside / f"{held_out}-00000-of-00001-8c4a2b0d.parquet", [0, 2])
    for cache in (False, True, True):
        found = read(tmp_path, cache=cache)
        assert found.classes == ("cat", "dog", "eel")
        assert found.train.labels.tolist() == [2, 0, 1, 1]
        assert found.train.images[:, 1, 3, 3].tolist() == [0, 10, 20, 0]
        assert found.test.labels.tolist() == [0, 2]
        assert found.test.images[:, 2, 7, 0].tolist() == [0, 10]
    assert found.name == f"parquet {tmp_path}"
    assert found.cache is not None


def test_validation_comes_before_test(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1, 2])
    write(tmp_path / "test.parquet", [0])
    write(tmp_path / "validation.parquet", [1, 1])
    assert read(tmp_path).test.labels.tolist() == [1, 1]


def test_many_rows_come_in_order(tmp_path: Path) -> None:
    labels = [i % 3 for i in range(25)] * 24  # 600: several batches and row groups
    path = write(tmp_path / "train.parquet", labels[:25])
    table = pyarrow.concat_tables([parquet.read_table(path)] * 24)
    parquet.write_table(table, path, row_group_size=130)
    write(tmp_path / "test.parquet", [0])
    found = read(tmp_path)
    assert found.train.labels.tolist() == labels
    assert found.train.images[:, 0, 0, 0].tolist() == [10 * i for i in range(25)] * 24


def test_columns_are_found_by_their_types(tmp_path: Path) -> None:
    features = datasets.Features(
        {
            "id": datasets.Value("int64"),
            "img": datasets.Image(),
            "coarse_label": datasets.ClassLabel(names=["a", "b"]),
            "fine_label": datasets.ClassLabel(names=CLASSES),
        }
    )
    for name in ("train", "test"):
        write(tmp_path / f"{name}.parquet", [2, 1, 0], features, ("img", "fine_label"))
    found = read(tmp_path)
    assert found.classes == tuple(CLASSES)
    assert found.train.labels.tolist() == [2, 1, 0]


def test_without_names_classes_are_numbers(tmp_path: Path) -> None:
    for name, labels in (("train", [0, 3, 1]), ("test", [2])):
        rows = {
            "image": [{"bytes": png(0), "path": None} for _ in labels],
            "label": pyarrow.array(labels, pyarrow.uint8()),
        }
        parquet.write_table(pyarrow.table(rows), tmp_path / f"{name}.parquet")
    assert read(tmp_path, classes=4).classes == ("0", "1", "2", "3")


@pytest.mark.parametrize(
    ("features", "names", "message"),
    [
        (
            {"image": datasets.Image(), "text": datasets.Value("string")},
            ("image", "text"),
            r"no column of train\.parquet holds classes .* it has image \(PIL.*text \(string\)",
        ),
        (
            {"row": datasets.Value("int64"), "label": datasets.ClassLabel(names=CLASSES)},
            ("row", "label"),
            r"no column of train\.parquet holds images .* it has row \(int64\), label \(int64\)",
        ),
        (
            {"left": datasets.Image(), "right": datasets.Image(), "label": FEATURES["label"]},
            ("left", "label"),
            "the columns left, right could all hold images; call the one that does image",
        ),
    ],
)
def test_columns_that_are_not_there(
    tmp_path: Path, features: dict[str, Any], names: tuple[str, str], message: str
) -> None:
    for split in ("train", "test"):
        table = datasets.Features(features).arrow_schema.empty_table()
        parquet.write_table(table, tmp_path / f"{split}.parquet")
    with pytest.raises(TrainingError, match=message):
        read(tmp_path)


def test_other_class_names_in_another_file_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1, 2])
    names = datasets.ClassLabel(names=CLASSES[::-1])
    write(tmp_path / "test.parquet", [0], datasets.Features({**FEATURES, "label": names}))
    with pytest.raises(TrainingError, match=r"test\.parquet has other columns or classes than"):
        read(tmp_path)


def test_labels_that_are_withheld_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1, 2])
    write(tmp_path / "test.parquet", [0, -1])
    with pytest.raises(TrainingError, match=r"row 1 of test\.parquet has no class in label"):
        read(tmp_path)


def test_a_missing_file_of_several_is_named(tmp_path: Path) -> None:
    write(tmp_path / "train-00000-of-00003.parquet", [0, 1, 2])
    write(tmp_path / "train-00002-of-00003.parquet", [0])
    write(tmp_path / "test-00000-of-00001.parquet", [0])
    with pytest.raises(TrainingError, match="is one of 00003 files and number 1 is missing"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], r"it has no train-\*\.parquet"),
        (["train.parquet"], r"no validation-\*\.parquet or test-\*\.parquet"),
        (["a/train.parquet", "b/train.parquet"], r"name one of its folders: \S+/a, \S+/b"),
    ],
)
def test_files_that_are_not_there(tmp_path: Path, files: list[str], message: str) -> None:
    for name in files:
        write(tmp_path / name, [0])
    with pytest.raises(TrainingError, match=message):
        read(tmp_path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="there is no such folder"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_file_that_is_cut_short_is_named(tmp_path: Path, share: float) -> None:
    write(tmp_path / "train.parquet", [0, 1, 2])
    path = write(tmp_path / "test.parquet", [0, 1, 2])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(TrainingError, match=r"test\.parquet cannot be read as parquet .* fetch"):
        read(tmp_path)


def test_bytes_that_are_no_image_are_named(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1, 2])
    path = write(tmp_path / "test.parquet", [0, 1, 2])
    table = parquet.read_table(path)
    rows = table.column("image").to_pylist()
    rows[1]["bytes"] = b"no png"
    images = pyarrow.array(rows, table.schema.field("image").type)
    parquet.write_table(table.set_column(0, table.schema.field("image"), images), path)
    with pytest.raises(TrainingError, match=r"row 1 of test\.parquet cannot be read as an image"):
        read(tmp_path)


def test_images_that_are_elsewhere_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1, 2])
    rows = {"image": [{"bytes": None, "path": "/somewhere/0.png"}], "label": [0]}
    table = pyarrow.table(rows, FEATURES.arrow_schema)
    parquet.write_table(table, tmp_path / "test.parquet")
    with pytest.raises(TrainingError, match=r"test\.parquet has rows without bytes in image"):
        read(tmp_path)


def test_without_the_library_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "train.parquet", [0])
    write(tmp_path / "test.parquet", [0])
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(TrainingError, match=r"needs datasets: .* pip install 'archdsl\[hf\]'"):
        read(tmp_path)


def test_the_word_on_the_command_line() -> None:
    assert data_from_text("parquet:some/where") == Parquet(path=Quoted("some/where"))
    assert data_from_text("parquet") is None


def test_noise_survives(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    rows = {"image": [{"bytes": written.getvalue(), "path": None}], "label": [0]}
    for name in ("train", "val"):
        datasets.Dataset.from_dict(rows, features=FEATURES).to_parquet(tmp_path / f"{name}.parquet")
    assert np.array_equal(read(tmp_path).test.images[0].numpy(), pixels.transpose(2, 0, 1))
