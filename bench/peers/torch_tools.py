"""What PyTorch's tools make of an emitted module, each in a process of its own.

python torch_tools.py torchinfo FILE.py CLASS 3 227 227               prints a summary
python torch_tools.py torchview FILE.py CLASS 3 227 227 PICTURE.svg   draws the network
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from torch import nn


def network(path: str, name: str) -> nn.Module:
    """The class of that name in a file, made."""
    spec = spec_from_file_location("emitted", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    made: nn.Module = getattr(module, name)()
    return made


def summarise(net: nn.Module, size: tuple[int, ...]) -> None:
    from torchinfo import summary

    summary(net, input_size=size, device="cpu", verbose=1)


def draw(net: nn.Module, size: tuple[int, ...], picture: Path) -> None:
    """On the meta device, which computes nothing."""
    from torchview import draw_graph

    drawn = draw_graph(net, input_size=size, device="meta", expand_nested=True).visual_graph
    picture.write_bytes(drawn.pipe(format="svg"))


def main() -> None:
    tool, path, name, channels, height, width, *picture = sys.argv[1:]
    net, size = network(path, name), (1, int(channels), int(height), int(width))
    if tool == "torchinfo":
        summarise(net, size)
    else:
        draw(net, size, Path(picture[0]))


if __name__ == "__main__":
    main()
