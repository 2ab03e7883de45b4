"""The language, a class to a word. Importing this package fills the registries."""

from archdsl.words import (
    activation,
    conv,
    declaration,
    dropout,
    linear,
    norm,
    pool,
    recipe,
    word,
)

__all__ = [
    "activation",
    "conv",
    "declaration",
    "dropout",
    "linear",
    "norm",
    "pool",
    "recipe",
    "word",
]
