"""What the commands that need PyTorch have in common."""

from __future__ import annotations

import os

from archdsl.cli.exits import fail
from archdsl.words.recipe import Data, data_from_text


def require_training() -> None:
    """Ends the program where the training room cannot be loaded."""
    # OpenMP's threads spin while they wait; where another program takes a core, that halves the
    # speed. This must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import archdsl.training  # noqa: F401
    except ModuleNotFoundError as error:
        fail(
            f"training needs {error.name}: install it with  pip install 'archdsl[train]', "
            "or in a checkout  pip install '.[train]'"
        )


def read_data(data: str | None) -> Data | None:
    """The data of --data; ends the program where it is none."""
    source = data_from_text(data) if data is not None else None
    if data is not None and source is None:
        fail(
            f"--data {data}: write shapes, folder:DIR, parquet:DIR, cifar10:PATH, "
            "cifar100:PATH or mnist:DIR"
        )
    return source
