"""The run's folder and its files."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from archdsl.training import TrainingError
from archdsl.training.keeping import record
from archdsl.words.recipe import Cosine, Recipe, Sgd


def test_runs_are_numbered_and_none_is_taken_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "small-2").mkdir(parents=True)
    made = [record.create(None, "small") for _ in range(3)]
    assert made == [Path("runs/small-1"), Path("runs/small-3"), Path("runs/small-4")]


def test_runs_that_start_together_get_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: record.create(None, "small"), range(40)))
    assert len(set(made)) == 40


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(TrainingError, match="mine exists, and a run is never overwritten"):
        record.create(tmp_path / "mine", "small")


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    assert record.create(tmp_path / "a" / "b", "small").is_dir()


def test_a_folder_under_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"no folder can be made at .*; name another"):
        record.create(tmp_path / "file" / "run", "small")


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights"
    record.write(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TrainingError, match=r"weights cannot be written .No space left on device"):
        record.write(path, b"new, and longer")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["weights"]


def test_metrics_are_on_disk_record_by_record(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with record.Metrics(path) as metrics:
        metrics.add("train", {"step": 1, "loss": 2.5})
        assert record.read_metrics(path) == [{"kind": "train", "step": 1, "loss": 2.5}]
        metrics.add("evaluation", {"step": 1, "loss": 2.25})
        assert len(record.read_metrics(path)) == 2


def test_settings_name_their_words() -> None:
    found = record.settings(Recipe(optimizer=Sgd(lr=0.5), schedule=Cosine(warmup=2)))
    assert found["optimizer"] == {
        "word": "Sgd",
        "lr": 0.5,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "nesterov": False,
        "rule": "torch",
        "correction": False,
    }
    assert found["schedule"] == {"word": "Cosine", "warmup": 2}
    assert found["augment"] is None
    assert json.loads(json.dumps(found)) == found


def test_a_full_disk_is_reported_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/dev/full takes no byte: neither what `add` writes nor what closing writes once more."""
    path, real = tmp_path / "metrics.jsonl", Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, mode, **options: real(Path("/dev/full"), "w", **options)
    )
    metrics = record.Metrics(path)
    with pytest.raises(TrainingError, match=r"metrics\.jsonl cannot be written"), metrics:
        metrics.add("train", {"step": 1})


def test_a_file_that_cannot_be_written_has_a_remedy() -> None:
    def told(number: int, text: str) -> str:
        return str(record.unwritable(Path("x"), OSError(number, text)))

    assert told(28, "No space left on device") == (
        "x cannot be written (No space left on device); free some space, then go on with --resume"
    )
    assert "ulimit -f" in told(27, "File too large")
    assert "make its folder writable" in told(13, "Permission denied")
    assert "something has removed its folder" in told(2, "No such file or directory")
    unnumbered = FileNotFoundError("the folder run does not exist")
    assert str(record.unwritable(Path("x"), unnumbered)) == (
        "x cannot be written (the folder run does not exist); something has removed its folder; "
        "nothing can be kept there"
    )


def test_growing_files_are_cut_to_what_was_kept(tmp_path: Path) -> None:
    metrics, table = tmp_path / "metrics.jsonl", tmp_path / "metrics.csv"
    metrics.write_text("one\n")
    assert record.lengths(tmp_path) == {"metrics.jsonl": 4}
    metrics.write_text("one\ntwo\n")
    table.write_text("kind\n")
    record.cut(tmp_path, {"metrics.jsonl": 4})
    assert (metrics.read_text(), table.read_text()) == ("one\n", "")
    with record.Metrics(metrics) as kept:
        kept.add("train", {"step": 2})
    assert metrics.read_text() == 'one\n{"kind": "train", "step": 2}\n'


def test_a_growing_file_that_became_shorter_is_told_of(tmp_path: Path) -> None:
    """Whole lines of it stay, and the run goes on."""
    path = tmp_path / "metrics.jsonl"
    path.write_text("one\ntw")
    lost = f"{path} has lost the last 5 bytes of what was recorded"
    assert record.cut(tmp_path, {"metrics.jsonl": 9}) == [lost]
    assert path.read_text() == "one\n"
