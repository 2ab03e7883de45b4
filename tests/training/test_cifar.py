"""CIFAR in every form in which it is published, and pickles that are something else."""

import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from archdsl.training import TrainingError
from archdsl.training.data.pickles import unpickled
from archdsl.training.data.sources import Data, Wanted, load
from archdsl.words.recipe import Cifar10, Cifar100
from archdsl.words.word import Quoted

from . import published

PYTHON, BINARY = "cifar-10-batches-py", "cifar-10-batches-bin"


def cifar10(path: Path) -> Data:
    return load(Cifar10(path=Quoted(str(path))), Wanted(3, 32, 32, square=False, classes=10))


def assert_cifar10(found: Data) -> None:
    assert found.classes == tuple("abcdefghij")
    assert found.train.labels.tolist() == [n for i in range(1, 6) for n in (i, 0, 9)]
    assert found.test.labels.tolist() == [7, 8, 9]
    train = np.concatenate([published.images(3, i) for i in range(1, 6)])
    assert np.array_equal(found.train.images.numpy(), train)
    assert np.array_equal(found.test.images.numpy(), published.images(3, 0))


@pytest.mark.parametrize(
    ("folder", "files"),
    [(PYTHON, published.cifar10_python()), (BINARY, published.cifar10_binary())],
)
def test_cifar10_in_every_form(folder: str, files: dict[str, bytes], tmp_path: Path) -> None:
    inside = published.write(tmp_path / "data" / folder, files)
    forms = [inside] + [
        published.tarball(tmp_path / f"cifar{ending}", folder, files)
        for ending in (".tar.gz", ".tgz", ".tar")
    ]
    for form in forms:
        found = cifar10(form)
        assert_cifar10(found)
        assert found.name == f"cifar10 {form}"
    above = cifar10(tmp_path / "data")
    assert_cifar10(above)
    assert above.name == f"cifar10 {inside}"


def test_cifar100s_python_version(tmp_path: Path) -> None:
    files = published.cifar100_python()
    wanted = Wanted(3, 32, 32, square=False, classes=100)
    for form in (
        published.write(tmp_path / "cifar-100-python", files),
        published.tarball(tmp_path / "c.tar.gz", "cifar-100-python", files),
    ):
        found = load(Cifar100(path=Quoted(str(form))), wanted)
        assert found.classes == tuple(f"f{i}" for i in range(100))
        assert found.train.labels.tolist() == [99, 4]
        assert np.array_equal(found.train.images.numpy(), published.images(2, 1))
        assert found.test.labels.tolist() == [0, 50]


def test_nothing_of_a_tarball_is_extracted(tmp_path: Path) -> None:
    files = published.cifar10_python()
    path = published.tarball(tmp_path / "up.tar", "../../../outside", files)
    before = sorted(tmp_path.rglob("*"))
    assert_cifar10(cifar10(path))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_member_that_is_no_plain_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "links.tar"
    published.tarball(path, PYTHON, published.cifar10_python())
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo(f"{PYTHON}/data_batch_1")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert_cifar10(cifar10(path))


def test_pickles_of_python_3_and_newer_numpy_are_read_too() -> None:
    rows = published.images(2, 3)
    raw = pickle.dumps({b"data": rows, b"labels": [1, 2]}, protocol=2)
    assert b"numpy._core.multiarray" in raw and b"_codecs" in raw
    found = unpickled(raw, "here")
    assert np.array_equal(found[b"data"], rows)
    assert found[b"labels"] == [1, 2]


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    command = published.string(f"touch {touched}".encode())
    hostile = b"\x80\x02cposix\nsystem\n" + command + b"\x85R."
    files = {**published.cifar10_python(), "data_batch_3": hostile}
    with pytest.raises(
        TrainingError, match=r"data_batch_3: the file asks for posix\.system and was not read"
    ):
        cifar10(published.write(tmp_path / "cifar", files))
    assert not touched.exists()


@pytest.mark.parametrize(
    "asked", ["builtins eval", "builtins getattr", "numpy load", "numpy.core.multiarray scalar"]
)
def test_nothing_but_what_makes_an_array_is_given(asked: str) -> None:
    module, name = asked.split()
    with pytest.raises(TrainingError, match=rf"asks for {module}\.{name} and was not read"):
        unpickled(f"\x80\x02c{module}\n{name}\n.".encode("latin-1"), "here")


def test_an_array_of_objects_is_refused() -> None:
    raw = published.dictionary({b"data": published.array(published.images(1, 0)[0, 0], b"O")})
    with pytest.raises(TrainingError, match="asks for an array of objects"):
        unpickled(raw, "here")


@pytest.mark.parametrize("kept", [0, 1, 40, 3000])
def test_a_pickle_that_is_cut_short_is_named(kept: int, tmp_path: Path) -> None:
    files = published.cifar10_python()
    files["data_batch_2"] = files["data_batch_2"][:kept]
    with pytest.raises(TrainingError, match=r"data_batch_2: not a pickle as published, or cut"):
        cifar10(published.write(tmp_path / "cifar", files))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "no dictionary of images"),
        ({b"data": published.array(published.images(2, 0).reshape(2, -1))}, "no dictionary of"),
        (
            {
                b"data": published.array(published.images(2, 0).reshape(2, -1)),
                b"labels": published.listed([published.number(1)]),
            },
            r"as many labels \(labels\)",
        ),
        (
            {
                b"data": published.array(published.images(1, 0).reshape(1, -1)),
                b"labels": published.listed([published.number(10)]),
            },
            "the label 10 is not below 10",
        ),
    ],
)
def test_a_pickle_of_something_else_is_named(
    entries: dict[bytes, bytes], message: str, tmp_path: Path
) -> None:
    files = {**published.cifar10_python(), "test_batch": published.dictionary(entries)}
    with pytest.raises(TrainingError, match=f"test_batch: .*{message}"):
        cifar10(published.write(tmp_path / "cifar", files))


def test_a_pickle_of_no_dictionary_is_named() -> None:
    with pytest.raises(TrainingError, match="here: a list where a dictionary should be"):
        unpickled(b"\x80\x02].", "here")


def test_names_that_are_too_few_are_told(tmp_path: Path) -> None:
    folder = published.write(tmp_path / "cifar", published.cifar10_python(names=("cat", "dog")))
    with pytest.raises(TrainingError, match=r"batches\.meta: 2 class names where there should be"):
        cifar10(folder)


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_a_tarball_that_is_cut_short_is_named(ending: str, share: float, tmp_path: Path) -> None:
    path = published.tarball(tmp_path / f"c{ending}", PYTHON, published.cifar10_python())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(TrainingError, match="fetch it again"):
        cifar10(path)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    files = published.cifar10_binary()
    del files["data_batch_4.bin"]
    folder = published.write(tmp_path / "cifar", files)
    with pytest.raises(TrainingError, match=r"data_batch_4\.bin: no such file, which the binary"):
        cifar10(folder)
    path = published.tarball(tmp_path / "c.tgz", BINARY, files)
    with pytest.raises(TrainingError, match=r"c\.tgz: data_batch_4\.bin: no such file"):
        cifar10(path)


def test_a_folder_of_something_else_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"holds neither the binary version .* nor the python"):
        cifar10(tmp_path)
    with pytest.raises(TrainingError, match="nowhere: there is no such file or folder"):
        cifar10(tmp_path / "nowhere")


def test_at_another_size_images_are_resized_into_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHDSL_CACHE", str(tmp_path / "cache"))
    folder = published.write(tmp_path / "cifar", published.cifar10_python())
    source = Cifar10(path=Quoted(str(folder)))
    wanted = Wanted(3, 64, 64, square=True, classes=10)
    found = load(source, wanted)
    assert found.cache is not None and found.cache.parent == tmp_path / "cache"
    assert found.sha256 == load(source, wanted, cache=False).sha256
    # Twice the size, bilinear: three quarters of the nearest pixel and a quarter of the next.
    raw = published.images(3, 2)[1].astype(float)
    line = 0.75 * raw[:, 9, :] + 0.25 * raw[:, 10, :]
    expected = 0.75 * line[:, 20] + 0.25 * line[:, 19]
    seen = found.train.images[4, :, 19, 40].numpy()
    assert np.abs(seen - expected).max() <= 1
    (folder / "test_batch").write_bytes(
        published.batch(published.images(3, 9), [7, 8, 9], b"labels")
    )
    assert load(source, wanted).sha256 != found.sha256
    assert found.cache is not None and len(list(found.cache.parent.glob("*.safetensors"))) == 2
