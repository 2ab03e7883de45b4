"""CIFAR's and MNIST's published files."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from archdsl.training import TrainingError
from archdsl.training.data.sources import Wanted, load
from archdsl.words.recipe import Cifar10, Cifar100, Mnist
from archdsl.words.word import Quoted

DRAWS = np.random.default_rng(5)


def cifar_records(count: int, before: int, classes: int) -> bytes:
    records = DRAWS.integers(0, 256, (count, before + 1 + 3072), dtype=np.uint8)
    records[:, before] = np.arange(count) % classes
    return records.tobytes()


@pytest.fixture
def cifar10(tmp_path: Path) -> Path:
    (tmp_path / "batches.meta.txt").write_text("\n".join(f"c{i}" for i in range(10)) + "\n\n")
    for i in range(1, 6):
        (tmp_path / f"data_batch_{i}.bin").write_bytes(cifar_records(4, 0, 10))
    (tmp_path / "test_batch.bin").write_bytes(cifar_records(6, 0, 10))
    return tmp_path


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    for prefix, count in (("train", 6), ("t10k", 3)):
        images = bytes((0, 0, 8, 3)) + np.array([count, 28, 28], ">u4").tobytes()
        images += bytes(i % 251 for i in range(count * 784))
        labels = bytes((0, 0, 8, 1)) + np.array([count], ">u4").tobytes() + bytes(range(count))
        (tmp_path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(labels)
    return tmp_path


def test_cifar10(cifar10: Path) -> None:
    found = load(Cifar10(path=Quoted(str(cifar10))), Wanted(3, 32, 32, square=False, classes=10))
    assert found.classes[9] == "c9"
    assert found.train.labels.tolist() == [0, 1, 2, 3] * 5
    raw = np.frombuffer((cifar10 / "data_batch_2.bin").read_bytes(), np.uint8)
    # The second file's third image: red plane, then green, then blue, each row by row.
    image = raw.reshape(4, 3073)[2, 1:]
    assert found.train.images[6, 1, 4, 7] == image[1024 + 4 * 32 + 7]
    assert len(found.test) == 6


def test_cifar100_by_its_fine_labels(tmp_path: Path) -> None:
    (tmp_path / "fine_label_names.txt").write_text("\n".join(f"f{i}" for i in range(100)))
    for name in ("train", "test"):
        (tmp_path / f"{name}.bin").write_bytes(cifar_records(5, 1, 100))
    found = load(Cifar100(path=Quoted(str(tmp_path))), Wanted(3, 16, 16, square=False, classes=100))
    assert found.train.labels.tolist() == [0, 1, 2, 3, 4]
    assert found.train.images.shape == (5, 3, 16, 16)
    raw = np.frombuffer((tmp_path / "train.bin").read_bytes(), np.uint8).reshape(5, 3074)[0, 2:]
    # Halved with antialiasing: a pixel is near the mean of the 4x4 it stands for.
    around = raw.reshape(3, 32, 32)[0, 7:11, 7:11].mean()
    assert abs(float(found.train.images[0, 0, 4, 4]) - around) < 40


def test_mnist_zipped_or_not(mnist: Path) -> None:
    found = load(Mnist(path=Quoted(str(mnist))), Wanted(1, 28, 28, square=False, classes=10))
    assert found.train.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.train.images[2, 0, 3, 5] == (2 * 784 + 3 * 28 + 5) % 251
    assert len(found.test) == 3


def test_grey_digits_do_not_fit_a_coloured_input(mnist: Path) -> None:
    with pytest.raises(TrainingError, match=r"1 channel\(s\) and the input has 3; make it 1x28x28"):
        load(Mnist(path=Quoted(str(mnist))), Wanted(3, 28, 28, square=False, classes=10))


@pytest.mark.parametrize("zipped", [False, True])
def test_the_names_of_some_mirrors(mnist: Path, zipped: bool) -> None:
    images = mnist / "train-images-idx3-ubyte.gz"
    content = images.read_bytes()
    images.unlink()
    name = f"train-images.idx3-ubyte{'.gz' if zipped else ''}"
    (mnist / name).write_bytes(content if zipped else gzip.decompress(content))
    (mnist / "train-labels-idx1-ubyte").rename(mnist / "train-labels.idx1-ubyte")
    found = load(Mnist(path=Quoted(str(mnist))), Wanted(1, 28, 28, square=False, classes=10))
    assert found.train.images[2, 0, 3, 5] == (2 * 784 + 3 * 28 + 5) % 251


def test_a_missing_file_is_named(mnist: Path) -> None:
    (mnist / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(TrainingError, match=r"t10k-labels-idx1-ubyte: no such file; .* four files"):
        load(Mnist(path=Quoted(str(mnist))), Wanted(1, 28, 28, square=False, classes=10))


def test_a_cut_file_is_named(cifar10: Path) -> None:
    path = cifar10 / "data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(TrainingError, match=r"data_batch_3\.bin: 12,291 bytes are no whole number"):
        load(Cifar10(path=Quoted(str(cifar10))), Wanted(3, 32, 32, square=False, classes=10))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes((0, 0, 8, 1, 0, 0, 0, 9)) + bytes(8), "not an idx file of bytes"),
        (b"\x00", "not an idx file of bytes"),
        (bytes((0, 0, 8, 1, 0, 0, 0, 2, 1, 1)), "6 images and 2 labels"),
        (bytes((0, 0, 8, 1, 0, 0, 0, 6)) + bytes([12] * 6), "the label 12; a digit is at most 9"),
    ],
)
def test_labels_that_are_none(mnist: Path, content: bytes, message: str) -> None:
    (mnist / "train-labels-idx1-ubyte").write_bytes(content)
    with pytest.raises(TrainingError, match=message):
        load(Mnist(path=Quoted(str(mnist))), Wanted(1, 28, 28, square=False, classes=10))


def test_a_broken_gzip_is_named(mnist: Path) -> None:
    path = mnist / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(TrainingError, match=r"t10k-images-idx3-ubyte\.gz: cannot be read"):
        load(Mnist(path=Quoted(str(mnist))), Wanted(1, 28, 28, square=False, classes=10))


@pytest.mark.parametrize("sizes", [(2**31, 2**31, 4), (0, 28, 28)])
def test_sizes_that_hold_nothing_are_no_images(mnist: Path, sizes: tuple[int, int, int]) -> None:
    header = bytes((0, 0, 8, 3)) + b"".join(size.to_bytes(4, "big") for size in sizes)
    (mnist / "train-images-idx3-ubyte.gz").unlink(missing_ok=True)
    (mnist / "train-images-idx3-ubyte").write_bytes(header)
    with pytest.raises(TrainingError, match="not an idx file of bytes"):
        load(Mnist(path=Quoted(str(mnist))), Wanted(1, 28, 28, square=False, classes=10))
