"""Decoded once: what is kept, when it is decoded again, and what happens where it is not."""

import fcntl
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from archdsl.training import TrainingError
from archdsl.training.augment import view
from archdsl.training.data.cache import cache_folder
from archdsl.training.data.images import Pixels
from archdsl.training.data.sources import Data, Wanted, load
from archdsl.training.parts.pictures import decoded
from archdsl.words import recipe
from archdsl.words.recipe import Folder, Recipe
from archdsl.words.word import Quoted

from .conftest import write_folder

WANTED = Wanted(3, 12, 12, square=False, classes=3)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own."""
    path = tmp_path / "cache"
    monkeypatch.setenv("ARCHDSL_CACHE", str(path))
    return path


@pytest.fixture
def decoding(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images were decoded, each time that some were."""
    counts: list[int] = []

    def counted(files: list[Path], size: tuple[int, int, int], square: bool) -> Pixels:
        counts.append(len(files))
        return decoded(files, size, square)

    monkeypatch.setattr("archdsl.training.data.folder.decoded", counted)
    return counts


def one_file(path: Path) -> Path:
    [found] = path.glob("*.safetensors")
    return found


def same(one: Data, other: Data) -> bool:
    return one.sha256 == other.sha256 and all(
        torch.equal(getattr(a, part), getattr(b, part))
        for a, b in ((one.train, other.train), (one.test, other.test))
        for part in ("images", "labels")
    )


def test_images_are_decoded_once(source: recipe.Data, kept: Path, decoding: list[int]) -> None:
    plain = load(source, WANTED, cache=False)
    assert plain.cache is None
    assert not kept.exists()
    first = load(source, WANTED)
    assert first.cache == one_file(kept)
    assert sum(decoding) == 2 * 150
    again = load(source, WANTED)
    assert sum(decoding) == 2 * 150
    assert same(first, plain) and same(again, plain)
    assert first.note == again.note == ""


def test_the_file_is_a_safetensors_file(source: recipe.Data, kept: Path) -> None:
    found = load(source, WANTED)
    tensors = load_file(one_file(kept))
    assert np.array_equal(tensors["train"].transpose(0, 3, 1, 2), found.train.images.numpy())
    assert np.array_equal(tensors["test"].transpose(0, 3, 1, 2), found.test.images.numpy())


def test_images_are_a_files_pages_and_not_memory(source: recipe.Data, kept: Path) -> None:
    found = load(source, WANTED)
    maps = Path("/proc/self/smaps").read_text("utf-8")
    begin = maps.index(str(one_file(kept)))
    line = maps[maps.rindex("\n", 0, begin) + 1 : begin]
    low, high = (int(end, 16) for end in line.split()[0].split("-"))
    assert line.split()[1] == "r--s"  # read only and shared
    assert low <= found.train.images.data_ptr() < high


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(3, 10, 12, square=False, classes=3),
        Wanted(3, 12, 12, square=True, classes=3),
        Wanted(1, 12, 12, square=False, classes=3),
    ],
)
def test_another_size_is_another_file(source: recipe.Data, kept: Path, wanted: Wanted) -> None:
    load(source, WANTED)
    assert load(source, wanted).train.images.shape[1:] == wanted.size
    assert len(list(kept.glob("*.safetensors"))) == 2


def grown(root: Path) -> None:
    shutil.copy(root / "train" / "red" / "0.png", root / "train" / "red" / "more.png")


def gone(root: Path) -> None:
    (root / "train" / "red" / "0.png").unlink()


def moved(root: Path) -> None:
    (root / "train" / "red" / "0.png").rename(root / "train" / "blue" / "more.png")


def repainted(root: Path) -> None:
    """Other pixels in a file as long, and as old, as it was."""
    path = root / "train" / "red" / "0.png"
    before = path.stat()
    Image.fromarray(np.zeros((12, 12, 3), np.uint8)).save(path, "BMP")
    content = path.read_bytes()
    path.write_bytes(content.ljust(before.st_size, b"\0")[: before.st_size])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


@pytest.mark.parametrize("change", [grown, gone, moved, repainted])
def test_other_files_are_decoded_anew(
    folder: Path, source: recipe.Data, kept: Path, change: Callable[[Path], None]
) -> None:
    before = load(source, WANTED).sha256
    change(folder)
    after = load(source, WANTED)
    assert after.sha256 != before
    assert after.sha256 == load(source, WANTED, cache=False).sha256


def test_a_folder_that_was_moved_is_not_decoded_again(
    folder: Path, kept: Path, decoding: list[int]
) -> None:
    before = load(Folder(path=Quoted(str(folder))), WANTED)
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    found = load(Folder(path=Quoted(str(elsewhere))), WANTED)
    assert same(found, before)
    assert found.name == f"folder {elsewhere}"
    assert sum(decoding) == 150


def no_bytes(path: Path) -> None:
    path.write_bytes(b"")


def short(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


def long(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0")


def no_header(path: Path) -> None:
    path.write_bytes(b"\xff" * path.stat().st_size)


def other_pixels(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-5, os.SEEK_END)
        file.write(b"ouch!")


def no_hash(path: Path) -> None:
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    header["__metadata__"]["sha256"] = 5
    path.write_bytes(raw[:8] + json.dumps(header).encode().ljust(length) + raw[8 + length :])


@pytest.mark.parametrize("spoil", [no_bytes, short, long, no_header, other_pixels, no_hash])
def test_a_damaged_file_is_made_again(
    source: recipe.Data, kept: Path, decoding: list[int], spoil: Callable[[Path], None]
) -> None:
    before = load(source, WANTED, cache=False)
    load(source, WANTED)
    spoil(one_file(kept))
    assert same(load(source, WANTED), before)
    assert sum(decoding) == 3 * 150
    assert same(load(source, WANTED), before)
    assert sum(decoding) == 3 * 150


def test_it_can_be_deleted_while_images_are_in_use(source: recipe.Data, kept: Path) -> None:
    found = load(source, WANTED)
    plain = load(source, WANTED, cache=False)
    shutil.rmtree(kept)
    assert same(found, plain)
    assert same(load(source, WANTED), plain)


def test_what_a_killed_run_left_is_removed(source: recipe.Data, kept: Path) -> None:
    found = load(source, WANTED)
    path = one_file(kept)
    left = kept / f".{path.stem}.0badcafe.part"
    path.rename(left)
    assert same(load(source, WANTED), found)
    assert not left.exists()


def test_a_bad_image_leaves_nothing(folder: Path, source: recipe.Data, kept: Path) -> None:
    (folder / "val" / "red" / "7.png").write_bytes(b"this is no png")
    with pytest.raises(TrainingError, match=r"red/7\.png cannot be read as an image"):
        load(source, WANTED)
    assert not [path for path in kept.iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize("wrong", ["a file", "full", "no home"])
def test_without_a_cache_images_are_held_in_memory(
    source: recipe.Data, kept: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wrong == "a file":
        kept.write_text("a file where a folder should be")
        why = r"cache/\w+\.safetensors: Not a directory"
    elif wrong == "full":
        usage = shutil.disk_usage(kept.parent)._replace(free=1)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        why = r"cache: 0\.0 GB are needed and 0\.0 GB are free"
    else:
        for name in ("ARCHDSL_CACHE", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)
        why = "no home folder; set ARCHDSL_CACHE"
    found = load(source, WANTED)
    assert found.cache is None
    assert same(found, load(source, WANTED, cache=False))
    assert re.search(why, found.note)
    assert found.note.endswith("held in memory, and the next run decodes them again")


def test_a_disk_that_is_full_in_the_middle_is_no_error(source: recipe.Data, kept: Path) -> None:
    """RLIMIT_FSIZE is a full disk for one process."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        found = load(source, WANTED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert found.cache is None
    assert "cannot be used (File too large)" in found.note
    assert same(found, load(source, WANTED, cache=False))
    assert not list(kept.glob("*.safetensors")) and not list(kept.glob(".*.part"))


def test_images_larger_than_memory_are_mapped(
    source: recipe.Data, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sysconf", lambda name: 100)
    with pytest.raises(TrainingError, match="its 150 images at 12x12 take"):
        load(source, WANTED, cache=False)
    assert len(load(source, WANTED).train) == 120
    no_room = shutil.disk_usage(kept)._replace(free=1)
    shutil.rmtree(kept)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: no_room)
    with pytest.raises(TrainingError, match=r"this machine has 0\.0 GB, and the cache .* needed"):
        load(source, WANTED)


@pytest.mark.parametrize("where", ["ARCHDSL_CACHE", "XDG_CACHE_HOME", "HOME"])
def test_where_the_cache_is(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {
        "ARCHDSL_CACHE": tmp_path,
        "XDG_CACHE_HOME": tmp_path / "archdsl",
        "HOME": tmp_path / ".cache" / "archdsl",
    }
    names = list(places)
    for name in names[: names.index(where)]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(where, str(tmp_path))
    assert cache_folder() == places[where]


def test_progress_is_told_to_the_last_image(
    folder: Path, source: recipe.Data, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archdsl.training.data.folder._CHUNK", 1)  # sixteen images at a time
    told: list[tuple[int, int]] = []
    for use in (False, True):
        load(source, WANTED, cache=use, progress=lambda done, of: told.append((done, of)))
    steps = [*range(16, 120, 16), 120, 136, 150]
    assert told == 2 * [(done, 150) for done in steps]


def test_runs_at_once_are_both_right(tmp_path: Path, kept: Path) -> None:
    root = write_folder(tmp_path / "many", {"train": 100, "val": 10}, size=(40, 40))
    source = Folder(path=Quoted(str(root)))
    script = (
        "import sys\n"
        "from archdsl.training.data.sources import Wanted, load\n"
        "from archdsl.words.recipe import data_from_text\n"
        "found = load(data_from_text(sys.argv[1]), Wanted(3, 12, 12, square=False, classes=3))\n"
        "print(found.sha256, found.cache)"
    )
    command = [sys.executable, "-c", script, f"folder:{root}"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = {run.communicate()[0] for run in running}
    assert [run.returncode for run in running] == [0] * 2
    plain = load(source, WANTED, cache=False)
    assert told == {f"{plain.sha256} {one_file(kept)}\n"}


def test_who_waits_for_another_sees_how_far_it_is(
    source: recipe.Data, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = load(source, WANTED).cache
    assert path is not None
    whole = path.read_bytes()
    part = path.with_name(f".{path.stem}.feedface.part")
    path.unlink()
    part.write_bytes(whole[: 75 * 432])
    # As a part that is renamed between being listed and being looked at.
    part.with_name(f".{path.stem}.gone.part").symlink_to("nowhere")
    told: list[tuple[int, int]] = []
    with path.with_name(f".{path.stem}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def finish(_: float) -> None:
            """The other run: it writes the rest and lets go."""
            part.write_bytes(whole)
            part.replace(path)
            fcntl.flock(lock, fcntl.LOCK_UN)

        monkeypatch.setattr(time, "sleep", finish)
        found = load(source, WANTED, progress=lambda done, of: told.append((done, of)))
    assert told == [(75, 150)]
    assert found.cache == path


def test_what_normalising_needs_is_measured_once(
    source: recipe.Data, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Recipe(augment=recipe.Augment(mean="pixel", pca=0.1))
    cpu = torch.device("cpu")
    plain = view(settings, load(source, WANTED, cache=False), (12, 12), cpu)
    first = view(settings, load(source, WANTED), (12, 12), cpu)

    def never(images: torch.Tensor) -> None:
        raise AssertionError("measured again")

    with monkeypatch.context() as patch:
        patch.setattr("archdsl.training.augment.colour_sums", never)
        patch.setattr("archdsl.training.augment.pixel_sum", never)
        again = view(settings, load(source, WANTED), (12, 12), cpu)
    for found in (first, again):
        assert torch.equal(found.mean, plain.mean)
        assert torch.equal(found.std, plain.std)
        assert torch.equal(found.components, plain.components)
    assert list(kept.glob("*-*.sums"))
    for path in kept.glob("*-*.sums"):
        raw = bytearray(path.read_bytes())
        raw[-3] ^= 255  # still safetensors, with another number
        path.write_bytes(raw)
    anew = view(settings, load(source, WANTED), (12, 12), cpu)
    assert torch.equal(anew.mean, plain.mean)
    assert torch.equal(anew.std, plain.std)


def test_large_sets_are_measured_in_parts_to_the_same_bits(
    source: recipe.Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Recipe(augment=recipe.Augment(mean="pixel", pca=0.1))
    data = load(source, WANTED, cache=False)
    cpu = torch.device("cpu")
    whole = view(settings, data, (12, 12), cpu)
    monkeypatch.setattr("archdsl.training.data.measured._PART", 50 * 3 * 12 * 12)
    told: list[tuple[int, int]] = []
    parts = view(settings, data, (12, 12), cpu, lambda done, of: told.append((done, of)))
    assert torch.equal(parts.mean, whole.mean)
    assert torch.equal(parts.std, whole.std)
    assert torch.equal(parts.components, whole.components)
    assert told == 2 * [(50, 120), (100, 120)]
