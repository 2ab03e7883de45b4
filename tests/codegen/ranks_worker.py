"""One of four processes that torchrun starts for test_ranks.py; says what differs.

Networks of four devices take all processes, those of two make two rows of two.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.nn.parallel import DistributedDataParallel

from archdsl.api import Arch
from archdsl.codegen.layout import Layout
from tests.codegen.divided import (
    BATCH,
    CLOSE,
    SPECS,
    Passed,
    arch_of,
    class_of,
    cloned,
    filled,
    image,
    module_of,
)

PROCESSES = 4


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    place = folder / str(dist.get_rank())
    place.mkdir()
    for name in SPECS:
        arch = arch_of(name, place)
        towers = arch.network.devices
        mesh = init_device_mesh("cpu", (PROCESSES // towers, towers), mesh_dim_names=("row", "col"))
        same_numbers(arch, place, mesh)
        same_state(arch, place, mesh)
        if name == "Plain":
            rows_share_a_batch(arch, place, mesh)
            wrong_gradients_are_seen(arch, place, mesh)
    sizes(arch_of("Four", place), place)
    initial(arch_of("Paper", place), place, mesh)
    dist.barrier()
    if dist.get_rank() == 0:
        print("all layouts agree")
    dist.destroy_process_group()


def pair(arch: Arch, place: Path, mesh: DeviceMesh) -> tuple[nn.Module, nn.Module]:
    """The network in one process, and this process's part of it with the same weights."""
    fused = filled(class_of(arch, Layout.FUSED, place)())
    ranks = class_of(arch, Layout.RANKS, place)(group=mesh.get_group("col")).double()
    ranks.load_state_dict(fused.state_dict())
    return fused, ranks


def same_numbers(arch: Arch, place: Path, mesh: DeviceMesh) -> None:
    """Outputs, all gradients and running means, dropout included."""
    fused, ranks = pair(arch, place, mesh)
    for training in (True, False):
        expected = Passed(fused.train(training), image(arch))
        found = Passed(ranks.train(training), image(arch))
        agree(expected.differs(found) < CLOSE, f"{arch.name}, training={training}")


def same_state(arch: Arch, place: Path, mesh: DeviceMesh) -> None:
    """What ranks write, one process and towers read, and the other way; bit by bit."""
    fused, ranks = pair(arch, place, mesh)
    before = cloned(fused)
    save_file(ranks.state_dict(), place / "ranks.safetensors")
    state = load_file(place / "ranks.safetensors")
    agree(state.keys() == before.keys(), f"{arch.name}: names {state.keys() ^ before.keys()}")
    agree(all(torch.equal(state[n], before[n]) for n in before), f"{arch.name}: the state")
    devices = ("cpu",) * arch.network.devices
    towers = class_of(arch, Layout.TOWERS, place)(devices=devices).double()
    towers.load_state_dict(state)
    again = towers.state_dict()
    agree(all(torch.equal(again[n], before[n]) for n in before), f"{arch.name}: towers' state")
    with torch.no_grad():
        for parameter in ranks.parameters():
            parameter.zero_()
    ranks.load_state_dict(again)
    back = ranks.state_dict()
    agree(all(torch.equal(back[n], before[n]) for n in before), f"{arch.name}: and back")


def rows_share_a_batch(arch: Arch, place: Path, mesh: DeviceMesh) -> None:
    """Data parallel along the mesh's other axis: the mean gradient is that of the whole batch."""
    fused, ranks = pair(arch, place, mesh)
    images = image(arch, 2 * BATCH)
    row = mesh.get_local_rank("row")
    expected = Passed(fused, images, mean=True)
    wrapped = DistributedDataParallel(ranks, process_group=mesh.get_group("row"))
    found = Passed(wrapped, images[row * BATCH : (row + 1) * BATCH], mean=True)
    mine = expected.output[row * BATCH : (row + 1) * BATCH]
    agree(torch.allclose(mine, found.output, rtol=0, atol=CLOSE), "the row's outputs")
    for name, gradient in expected.gradients.items():
        close = torch.allclose(gradient, found.gradients[f"module.{name}"], rtol=0, atol=CLOSE)
        agree(close, f"the rows' gradient of {name}")


def wrong_gradients_are_seen(arch: Arch, place: Path, mesh: DeviceMesh) -> None:
    """The two ways back of a gather, exchanged: the output looks right, the gradients are not."""
    fused, _ = pair(arch, place, mesh)
    expected = Passed(fused, image(arch))
    module = module_of(arch, Layout.RANKS, place)
    for wrong in ("_Gather", "_Collect"):
        other = {"_Gather": "_Collect", "_Collect": "_Gather"}[wrong]
        right = getattr(module, wrong).backward
        getattr(module, wrong).backward = staticmethod(getattr(module, other).backward)
        ranks = getattr(module, arch.name)(group=mesh.get_group("col")).double()
        ranks.load_state_dict(fused.state_dict())
        found = Passed(ranks, image(arch))
        getattr(module, wrong).backward = staticmethod(right)
        agree(torch.allclose(found.output, expected.output, atol=CLOSE), f"{wrong}: the output")
        agree(expected.differs(found) > 0.1, f"{wrong}: its mistake is not seen")
    twice = 2 * expected.gradients["f.linear.weight"]
    doubled = torch.allclose(found.gradients["f.linear.weight"], twice, rtol=0, atol=CLOSE)
    agree(doubled, "a sum where all know the gradient doubles it")


def sizes(arch: Arch, place: Path) -> None:
    """As many processes as the network has devices."""
    cls = class_of(arch, Layout.RANKS, place)
    alone = [dist.new_group([rank]) for rank in range(PROCESSES)]
    try:
        cls(group=alone[dist.get_rank()])
    except ValueError as error:
        agree(str(error) == "it takes 4 processes, not 1", str(error))
    else:
        agree(False, "a network for four takes one process")


def initial(arch: Arch, place: Path, mesh: DeviceMesh) -> None:
    """`init weights=normal(0, 0.1) bias=0`, and conv2's biases 1."""
    torch.manual_seed(0)
    state = class_of(arch, Layout.RANKS, place)(group=mesh.get_group("col")).state_dict()
    spread = state["conv3.conv.weight"].std().item()
    agree(0.095 < spread < 0.105, f"the deviation is {spread}")
    agree(bool(state["conv2.conv.bias"].eq(1).all()), "conv2's biases")
    agree(bool(state["fc6.linear.bias"].eq(0).all()), "fc6's biases")


def agree(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"rank {dist.get_rank()}: {what}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
