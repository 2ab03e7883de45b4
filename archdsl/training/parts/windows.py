"""Windows cut out of images, each at a place of its own."""

import torch
from torch import Tensor
from torch.nn import functional


def windows(
    x: Tensor,
    top: Tensor,
    left: Tensor,
    mirrored: Tensor,
    window: tuple[int, int],
    pad: int,
) -> Tensor:
    """A window HxW of each image nxCxhxw, at its own place, mirrored or not.

    Beyond an image lie `pad` zeros, which are its mean colour. `top` and `left` count
    from there. What comes is channels_last.
    """
    padded = functional.pad(x, (pad, pad, pad, pad)) if pad else x
    cut = _one_by_one if x.is_cpu else _at_once
    return cut(padded, top, left, mirrored, window)


def _one_by_one(
    x: Tensor, top: Tensor, left: Tensor, mirrored: Tensor, window: tuple[int, int]
) -> Tensor:
    """Row by row: a third of the time that a CPU takes for each pixel on its own."""
    height, width = window
    out = x.new_empty(len(x), height, width, x.shape[1]).permute(0, 3, 1, 2)
    places = zip(top.tolist(), left.tolist(), mirrored.tolist(), strict=True)
    for into, image, (y, x0, flipped) in zip(out, x, places, strict=True):
        picked = image[:, y : y + height, x0 : x0 + width]
        into.copy_(picked.flip(-1) if flipped else picked)
    return out


def _at_once(
    x: Tensor, top: Tensor, left: Tensor, mirrored: Tensor, window: tuple[int, int]
) -> Tensor:
    """In one operation, as each costs a launch."""
    rows = top[:, None] + torch.arange(window[0])
    columns = left[:, None] + torch.arange(window[1])
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    image = torch.arange(len(x))
    # Indexing around the channels puts them last, nxHxWxC: that is channels_last.
    picked = x.permute(0, 2, 3, 1)[
        image[:, None, None].to(x.device),
        rows[:, :, None].to(x.device),
        columns[:, None, :].to(x.device),
    ]
    return picked.permute(0, 3, 1, 2)
