"""Folders of image files: what is read, and what is said of what cannot be."""

import hashlib
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from archdsl.training import TrainingError
from archdsl.training.data.sources import Wanted, load
from archdsl.words.recipe import Data, Folder, Shapes
from archdsl.words.word import Quoted

from .conftest import write_folder
from .odd import ODD, enormous

WANTED = Wanted(3, 12, 12, square=False, classes=3)


def test_a_folder_is_read_as_it_is(folder: Path, source: Data) -> None:
    found = load(source, WANTED)
    assert found.classes == ("blue", "green", "red")
    assert not found.synthetic
    assert found.train.images.shape == (120, 3, 12, 12)
    assert found.test.labels.tolist() == [0] * 10 + [1] * 10 + [2] * 10
    with Image.open(folder / "val" / "green" / "3.png") as image:
        assert np.array_equal(found.test.images[13].numpy(), np.asarray(image).transpose(2, 0, 1))


def test_the_hash_is_of_names_shapes_images_and_labels(source: Data) -> None:
    found = load(source, WANTED)
    digest = hashlib.sha256(b"blue\0green\0red")
    for split in (found.train, found.test):
        digest.update(repr(tuple(split.images.shape)).encode())
        digest.update(split.images.numpy().tobytes())
        digest.update(split.labels.numpy().astype("<i8").tobytes())
    assert found.sha256 == digest.hexdigest()


def test_images_are_squeezed_to_the_input_or_centred_in_a_square(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "wide", {"train": 1, "val": 1})
    # Left quarter black, the middle half grey, right quarter white: 40 wide, 20 high.
    bands = np.repeat(np.array([0, 128, 255], np.uint8), [10, 20, 10])
    picture = np.broadcast_to(bands[None, :, None], (20, 40, 3))
    Image.fromarray(np.ascontiguousarray(picture)).save(root / "train" / "blue" / "0.png")
    squeezed = load(Folder(path=Quoted(str(root))), Wanted(3, 10, 20, square=False, classes=3))
    assert squeezed.train.images[0, 0, 5, [1, 10, 18]].tolist() == [0, 128, 255]
    centred = load(Folder(path=Quoted(str(root))), Wanted(3, 10, 10, square=True, classes=3))
    assert centred.train.images[0, 0, 5, [1, 5, 8]].tolist() == [128, 128, 128]


def test_one_channel_reads_grey(source: Data) -> None:
    found = load(source, Wanted(1, 12, 12, square=False, classes=3))
    assert found.train.images.shape == (120, 1, 12, 12)


def test_other_files_and_hidden_folders_are_passed_over(folder: Path, source: Data) -> None:
    before = load(source, WANTED).sha256
    (folder / "train" / "red" / "Thumbs.db").write_bytes(b"not an image")
    (folder / "train" / ".cache").mkdir()
    assert load(source, WANTED).sha256 == before


def no_train(root: Path) -> None:
    shutil.rmtree(root / "train")


def no_val(root: Path) -> None:
    shutil.rmtree(root / "val")


def no_classes(root: Path) -> None:
    shutil.rmtree(root / "val")
    (root / "val").mkdir()


def empty_class(root: Path) -> None:
    for file in (root / "val" / "green").iterdir():
        file.unlink()


def only_in_train(root: Path) -> None:
    (root / "train" / "violet").mkdir()
    Image.new("RGB", (4, 4)).save(root / "train" / "violet" / "1.png")


def only_in_val(root: Path) -> None:
    shutil.rmtree(root / "train" / "blue")


def no_image(root: Path) -> None:
    (root / "train" / "red" / "7.png").write_bytes(b"this is no png")


def cut_short(root: Path) -> None:
    path = root / "train" / "red" / "7.png"
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shutil.rmtree, "there is no such folder"),
        (no_train, "it has no train/ folder"),
        (no_val, "it has no val/ folder"),
        (no_classes, "val has no class folders"),
        (empty_class, "val has no images for green"),
        (only_in_train, "train/ has violet and val/ has not"),
        (only_in_val, "val/ has blue and train/ has not"),
        (no_image, r"red/7\.png cannot be read as an image"),
        (cut_short, r"red/7\.png cannot be read as an image"),
    ],
)
def test_a_bad_folder_is_named(
    folder: Path, source: Data, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(folder)
    with pytest.raises(TrainingError, match=message) as caught:
        load(source, WANTED)
    assert str(caught.value).startswith(f'data folder "{folder}"')


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_an_image_too_large_to_decode_is_named_with_its_size(
    folder: Path, source: Data, side: int
) -> None:
    """PIL warns of more than 89,478,485 pixels, and refuses more than twice as many."""
    enormous(folder / "train" / "red" / "7.png", side, side)
    with pytest.raises(TrainingError, match=r"red/7\.png cannot be read as an image") as caught:
        load(source, WANTED)
    assert f"({side * side} pixels)" in str(caught.value)
    assert "save it smaller); replace it or take it out" in str(caught.value)


@pytest.mark.parametrize("write", ODD)
def test_odd_metadata_is_read_over_without_a_word(
    folder: Path, source: Data, write: Callable[[Path], Path]
) -> None:
    """The images are white, and the last of their class."""
    path = write(folder / "train" / "red" / "zz")
    with pytest.warns(UserWarning), Image.open(path) as opened:
        ImageOps.exif_transpose(opened).convert("RGB")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = load(source, WANTED)
    assert [str(each.message) for each in told] == []
    assert found.train.images[-1].min() >= 254


def test_classes_must_be_the_networks(source: Data) -> None:
    with pytest.raises(TrainingError, match=r"3 classes .* output is 10; .*--set classes=3"):
        load(source, Wanted(3, 12, 12, square=False, classes=10))


def test_image_files_have_one_or_three_channels(source: Data) -> None:
    with pytest.raises(TrainingError, match="1 or 3 channels, and the input has 4"):
        load(source, Wanted(4, 12, 12, square=False, classes=3))


def test_more_images_than_memory_holds_are_refused_before_decoding(source: Data) -> None:
    huge = Wanted(3, 3_000_000, 3_000_000, square=True, classes=3)
    with pytest.raises(TrainingError, match="its 150 images at 3000000x3000000 take"):
        load(source, huge)


def test_shapes_need_ten_classes_and_room() -> None:
    with pytest.raises(TrainingError, match=r"10 classes .* output is 1000; .*--set classes=10"):
        load(Shapes(), Wanted(3, 67, 67, square=False, classes=1000))
    with pytest.raises(TrainingError, match="7x9 is too small"):
        load(Shapes(), Wanted(3, 7, 9, square=False, classes=10))


def test_shapes_are_drawn_at_the_kept_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archdsl.training.data.sources.TRAINING_SHAPES", 30)
    monkeypatch.setattr("archdsl.training.data.sources.TEST_SHAPES", 20)
    found = load(Shapes(), Wanted(2, 10, 14, square=False, classes=10))
    assert found.synthetic
    assert found.train.images.shape == (30, 2, 10, 14)
    assert found.test.images.shape == (20, 2, 10, 14)
    assert not torch.equal(found.train.images[:20], found.test.images)


def test_an_unknown_source_is_no_shapes() -> None:
    with pytest.raises(NotImplementedError, match="no data is read for str"):
        load("webcam", WANTED)


def test_sixteen_bits_are_scaled_and_alpha_lies_on_white(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "deep", {"train": 1, "val": 1}, size=(4, 1))
    ramp = np.array([[0, 0x4444, 0x8888, 0xFFFF]], np.uint16)
    Image.fromarray(ramp).save(root / "train" / "blue" / "0.png")
    alpha = np.zeros((1, 4, 4), np.uint8)
    alpha[0, :, 3] = [0, 51, 204, 255]  # black, more and more opaque
    Image.fromarray(alpha).save(root / "train" / "green" / "0.png")
    found = load(Folder(path=Quoted(str(root))), Wanted(3, 1, 4, square=False, classes=3))
    assert found.train.images[0, :, 0].tolist() == [[0, 0x44, 0x88, 0xFF]] * 3
    assert found.train.images[1, 1, 0].tolist() == [255, 204, 51, 0]


def test_floating_point_images_are_refused_by_name(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "float", {"train": 1, "val": 1})
    path = root / "train" / "blue" / "0.tiff"
    Image.fromarray(np.zeros((12, 12), np.float32)).save(path)
    with pytest.raises(TrainingError, match="floating-point") as refused:
        load(Folder(path=Quoted(str(root))), WANTED)
    assert str(path) in str(refused.value)


def test_what_is_no_file_is_no_image(folder: Path, source: Data) -> None:
    os.mkfifo(folder / "train" / "blue" / "endless.png")
    assert len(load(source, WANTED).train) == 120


def test_shapes_larger_than_memory_are_refused() -> None:
    with pytest.raises(TrainingError, match="GB"):
        load(Shapes(), Wanted(3, 10_000, 10_000, square=True, classes=10))
