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
    from there.
    """
    rows = top[:, None] + torch.arange(window[0])
    columns = left[:, None] + torch.arange(window[1])
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    padded = functional.pad(x, (pad, pad, pad, pad))
    image = torch.arange(len(x))
    # Indexing around the channels puts them last, nxHxWxC: that is channels_last.
    picked = padded.permute(0, 2, 3, 1)[
        image[:, None, None].to(x.device),
        rows[:, :, None].to(x.device),
        columns[:, None, :].to(x.device),
    ]
    return picked.permute(0, 3, 1, 2)
