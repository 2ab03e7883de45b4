"""Where a run computes, and what is said where it cannot."""

from __future__ import annotations

import pytest
import torch

from archdsl.codegen.layout import Layout
from archdsl.training.errors import TrainingError
from archdsl.training.where import Launch, where

CPU = torch.device("cpu")


@pytest.fixture
def gpus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """As many CUDA devices as are asked for, and no torchrun."""
    count: int = request.param
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    return count


def started(monkeypatch: pytest.MonkeyPatch, rank: str, size: str, local: str = "0") -> None:
    for name, value in (("RANK", rank), ("WORLD_SIZE", size), ("LOCAL_RANK", local)):
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("gpus", "layout", "device", "divided", "found"),
    [
        (0, "auto", "auto", 1, (Layout.FUSED, "cpu")),
        (0, "auto", "auto", 2, (Layout.FUSED, "cpu")),
        (1, "auto", "auto", 2, (Layout.FUSED, "cuda")),
        (2, "auto", "auto", 2, (Layout.TOWERS, "cuda:0,cuda:1")),
        (4, "auto", "cuda", 2, (Layout.TOWERS, "cuda:0,cuda:1")),
        (2, "auto", "auto", 1, (Layout.FUSED, "cuda")),
        (2, "auto", "cpu", 2, (Layout.FUSED, "cpu")),
        (2, "auto", "cuda:1", 2, (Layout.FUSED, "cuda:1")),
        (4, "auto", "cuda:3,cuda:1", 2, (Layout.TOWERS, "cuda:3,cuda:1")),
        (2, "fused", "auto", 2, (Layout.FUSED, "cuda")),
        (0, "towers", "cpu", 2, (Layout.TOWERS, "cpu,cpu")),
        (1, "towers", "cuda:0,cpu", 2, (Layout.TOWERS, "cuda:0,cpu")),
    ],
    indirect=["gpus"],
)
def test_one_process(
    gpus: int, layout: str, device: str, divided: int, found: tuple[Layout, str]
) -> None:
    place = where(layout, device, divided, "net.arch")
    assert (place.layout, ",".join(map(str, place.devices))) == found
    assert place.launch is None


@pytest.mark.parametrize("gpus", [0], indirect=True)
@pytest.mark.parametrize(
    ("layout", "divided", "size", "found"),
    [
        ("auto", 2, "2", Layout.RANKS),
        ("ranks", 2, "4", Layout.RANKS),
        ("auto", 1, "3", Layout.FUSED),
        ("fused", 2, "3", Layout.FUSED),
    ],
)
def test_torchrun(
    gpus: int,
    layout: str,
    divided: int,
    size: str,
    found: Layout,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started(monkeypatch, "1", size, "1")
    place = where(layout, "auto", divided, "net.arch")
    assert place == (found, (CPU,), Launch(1, int(size), 1), False)


@pytest.mark.parametrize("gpus", [4], indirect=True)
def test_each_process_takes_the_device_of_its_number(
    gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(monkeypatch, "6", "8", "2")
    assert where("auto", "auto", 2, "net.arch").first == torch.device("cuda:2")
    started(monkeypatch, "7", "8", "7")
    with pytest.raises(TrainingError) as error:
        where("auto", "auto", 2, "net.arch")
    assert str(error.value) == (
        "torchrun started 8 processes or more here, and PyTorch sees 4 CUDA devices: "
        "start 4 (--nproc-per-node), or take --device cpu"
    )


@pytest.mark.parametrize("gpus", [0], indirect=True)
def test_shards_are_of_the_fused_layout(gpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    started(monkeypatch, "1", "2", "1")
    place = where("auto", "auto", 2, "net.arch", shard=True)
    assert place == (Layout.FUSED, (CPU,), Launch(1, 2, 1), True)
    with pytest.raises(TrainingError) as error:
        where("ranks", "auto", 2, "net.arch", shard=True)
    assert str(error.value) == (
        "--layout ranks divides the network over the processes already; leave --shard away, "
        "or take --layout fused"
    )
    monkeypatch.delenv("RANK")
    with pytest.raises(TrainingError) as error:
        where("auto", "auto", 2, "net.arch", shard=True)
    assert str(error.value) == (
        "--shard divides the weights over several processes: "
        "torchrun --nproc-per-node 2 -m -- archdsl train net.arch --shard"
    )


@pytest.mark.parametrize(
    ("gpus", "layout", "device", "divided", "said"),
    [
        (0, "both", "auto", 2, "--layout both: it is auto, fused, towers, ranks"),
        (0, "auto", "tpu", 2, "--device tpu: it is auto, cpu, cuda or one like cuda:1"),
        (0, "auto", "cpu:", 1, "--device cpu:: it is auto, cpu, cuda or one like cuda:1"),
        (4, "auto", "cuda:", 1, "--device cuda:: it is auto, cpu, cuda or one like cuda:1"),
        (4, "auto", "cuda:01", 1, "--device cuda:01: it is auto, cpu, cuda or one like cuda:1"),
        (0, "auto", "cpu:1", 1, "--device cpu:1: it is auto, cpu, cuda or one like cuda:1"),
        (0, "auto", "cuda:x", 1, "--device cuda:x: it is auto, cpu, cuda or one like cuda:1"),
        (0, "auto", "cuda", 1, "--device cuda: PyTorch sees no CUDA device here; use --device cpu"),
        (1, "auto", "cuda:1", 1, "--device cuda:1: PyTorch sees 1 here, cuda:0"),
        (2, "auto", "cuda:0,cuda:2", 2, "--device cuda:2: PyTorch sees 2 here, cuda:0 to cuda:1"),
        (
            1,
            "towers",
            "auto",
            2,
            "--layout towers: the network takes 2 devices and PyTorch sees 1 CUDA device here; "
            "--device cuda:0,cuda:0 puts all of it on one, or train with --layout fused",
        ),
        (
            0,
            "towers",
            "auto",
            4,
            "--layout towers: the network takes 4 devices and PyTorch sees no CUDA device here; "
            "--device cpu,cpu,cpu,cpu puts all of it on one, or train with --layout fused",
        ),
        (0, "towers", "cpu,cpu,cpu", 2, "--device cpu,cpu,cpu: 3 devices, and net.arch takes 2"),
        (
            4,
            "towers",
            "auto",
            1,
            "--layout towers: net.arch is a network of one device, which nothing divides; "
            "train it with --layout fused",
        ),
        (
            0,
            "ranks",
            "auto",
            2,
            "--layout ranks takes several processes: "
            "torchrun --nproc-per-node 2 -m -- archdsl train net.arch",
        ),
        (
            0,
            "auto",
            "cpu,cpu",
            1,
            "--device cpu,cpu: the fused layout is computed on one device, and net.arch is a "
            "network of one",
        ),
        (0, "fused", "cpu,cpu", 2, "--device cpu,cpu: the fused layout is computed on one device"),
    ],
    indirect=["gpus"],
)
def test_what_cannot_be(gpus: int, layout: str, device: str, divided: int, said: str) -> None:
    with pytest.raises(TrainingError) as error:
        where(layout, device, divided, "net.arch")
    assert str(error.value) == said


@pytest.mark.parametrize("gpus", [0], indirect=True)
@pytest.mark.parametrize(
    ("layout", "device", "divided", "size", "said"),
    [
        (
            "auto",
            "auto",
            2,
            "3",
            "torchrun started 3 processes, and net.arch is divided over 2: start 2 or 4 "
            "(--nproc-per-node), or take --layout fused",
        ),
        (
            "ranks",
            "auto",
            4,
            "2",
            "torchrun started 2 processes, and net.arch is divided over 4: start 4 "
            "(--nproc-per-node), or take --layout fused",
        ),
        (
            "towers",
            "auto",
            2,
            "2",
            "--layout towers takes one process, and torchrun started 2; "
            "leave torchrun away, or take --layout ranks",
        ),
        (
            "auto",
            "cpu,cpu",
            2,
            "2",
            "--device cpu,cpu: under torchrun each process takes a device of its own; "
            "write cpu, cuda or auto",
        ),
        (
            "auto",
            "cuda:1",
            1,
            "2",
            "--device cuda:1: under torchrun each process takes a device of its own; "
            "write cpu, cuda or auto",
        ),
        (
            "auto",
            "auto",
            2,
            "two",
            "RANK=0, WORLD_SIZE=two, LOCAL_RANK=0 in the environment: "
            "torchrun sets them to numbers",
        ),
    ],
)
def test_what_torchrun_cannot_be(
    gpus: int,
    layout: str,
    device: str,
    divided: int,
    size: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started(monkeypatch, "0", size)
    with pytest.raises(TrainingError) as error:
        where(layout, device, divided, "net.arch")
    assert str(error.value) == said
