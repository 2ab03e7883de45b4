"""What is in a parquet file: which columns hold images and classes, by what `datasets` reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archdsl.training.errors import TrainingError
from archdsl.training.parts.folders import few

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_IMAGES: Final = ("image", "img")
_LABELS: Final = ("label", "labels", "fine_label", "target", "class")
"""What columns are called, first the likeliest."""


@dataclass(frozen=True)
class Columns:
    image: str
    label: str
    classes: tuple[str, ...]
    """Empty where the file names none."""


def agreed(place: str, files: Sequence[Path]) -> Columns:
    """The columns, which are the same in every file.

    Raises:
        TrainingError: a file has others, or other classes: its numbers would mean other names.
    """
    first = _columns(place, files[0])
    for path in files[1:]:
        if _columns(place, path) != first:
            raise TrainingError(
                f"{place}: {path.name} has other columns or classes than {files[0].name}; "
                "take all files from one source"
            )
    return first


def _columns(place: str, path: Path) -> Columns:
    """Which columns hold images and classes, by the types that the file's schema tells."""
    features = _library().Features.from_arrow_schema(opened(place, path).schema_arrow)
    image = _column(place, "images", _IMAGES, features, _holds_images)
    label = _column(place, "classes", _LABELS, features, _is_classes)
    if label is None:
        label = _column(place, "classes", _LABELS, features, _is_integers)
    if image is None or label is None:
        lacking = "images (bytes and path)" if image is None else "classes (ClassLabel or integers)"
        raise TrainingError(
            f"{place}: no column of {path.name} holds {lacking}; it has "
            f"{few([f'{name} ({_type(feature)})' for name, feature in features.items()])}"
        )
    return Columns(image, label, tuple(getattr(features[label], "names", None) or ()))


def _column(
    place: str,
    what: str,
    likely: Sequence[str],
    features: dict[str, Any],
    fits: Callable[[Any], bool],
) -> str | None:
    """The column that fits; of several, the one that is called as such a column is."""
    fitting = [name for name, feature in features.items() if fits(feature)]
    if len(fitting) < 2:
        return next(iter(fitting), None)
    named = next((name for name in likely if name in fitting), None)
    if named is None:
        raise TrainingError(
            f"{place}: the columns {few(fitting)} could all hold {what}; call the one that does "
            f"{likely[0]}"
        )
    return named


def _holds_images(feature: Any) -> bool:
    """An Image, or where the schema says nothing of it, bytes and a path."""
    if isinstance(feature, dict):
        return feature.keys() == {"bytes", "path"}
    return isinstance(feature, _library().Image)


def _is_classes(feature: Any) -> bool:
    return isinstance(feature, _library().ClassLabel)


def _is_integers(feature: Any) -> bool:
    return getattr(feature, "dtype", "").startswith(("int", "uint"))


def _type(feature: Any) -> str:
    return getattr(feature, "dtype", None) or type(feature).__name__


# --- files ---------------------------------------------------------------------------------


def opened(place: str, path: Path) -> ParquetFile:
    _library()
    from pyarrow.parquet import ParquetFile

    with reading(place, path):
        return ParquetFile(path)


@contextmanager
def reading(place: str, path: Path) -> Iterator[None]:
    """What pyarrow raises of a file that is no parquet file, as a TrainingError."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError) as problem:
        [said, *_] = str(problem).splitlines() or [type(problem).__name__]
        raise TrainingError(
            f"{place}: {path} cannot be read as parquet ({said}); fetch it again"
        ) from problem


def _library() -> Any:
    """The module `datasets`."""
    try:
        import datasets
    except ModuleNotFoundError as problem:
        raise TrainingError(
            f"data parquet needs {problem.name}: install it with  pip install 'archdsl[hf]', "
            "or in a checkout  pip install '.[hf]'"
        ) from problem
    return datasets
