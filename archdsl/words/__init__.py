"""The language, a class to a word. Importing this package fills the registries."""

from archdsl.words import (
    activation,
    conv,
    declaration,
    dropout,
    edit,
    linear,
    merge,
    norm,
    pool,
    recipe,
    repeat,
    word,
)

__all__ = [
    "activation",
    "conv",
    "declaration",
    "dropout",
    "edit",
    "linear",
    "merge",
    "norm",
    "pool",
    "recipe",
    "repeat",
    "word",
]
