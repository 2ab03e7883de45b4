"""Pickles of numpy arrays, read without running what they ask for."""

import codecs
import io
import pickle
from typing import Any, Final

import numpy as np

from archdsl.training.errors import TrainingError


def unpickled(raw: bytes, place: str) -> dict[bytes, Any]:
    """The dictionary of a pickle that Python 2 wrote: its strings are bytes.

    Raises:
        TrainingError: it is no such pickle, or asks for anything but what makes a numpy array.
    """
    try:
        found = _Unpickler(io.BytesIO(raw), encoding="bytes").load()
    except _WRONG as problem:
        raise TrainingError(
            f"{place}: not a pickle as published, or cut short ({problem}); fetch it again"
        ) from problem
    except _Refused as problem:
        raise TrainingError(
            f"{place}: the file asks for {problem} and was not read; a pickle can run code, and "
            "the published one asks for numpy arrays alone: fetch it again"
        ) from None
    if not isinstance(found, dict):
        raise TrainingError(f"{place}: a {type(found).__name__} where a dictionary should be")
    return found


class _Refused(Exception):
    """What a pickle asked for."""


_WRONG: Final = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OverflowError,
    TypeError,
    ValueError,
)
"""What the pickle machine raises on bytes that are none."""


def _dtype(kind: Any, align: Any = False, copy: Any = False) -> np.dtype[Any]:
    """As numpy.dtype, which no longer takes 0 and 1 for False and True, as old pickles have them.

    A type of Python objects would let a pickle choose what numpy compares, sorts and copies.
    """
    found: np.dtype[Any] = np.dtype(kind, align=bool(align), copy=bool(copy))
    if found.hasobject:
        raise _Refused("an array of objects")
    return found


_RECONSTRUCT: Final = np.empty(0).__reduce__()[0]
"""numpy's own function, whatever its module is called in this version."""

_ALLOWED: Final = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): codecs.encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _Refused(f"{module}.{name}") from None
