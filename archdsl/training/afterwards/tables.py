"""What is said of runs that are over: tables for people."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from archdsl.styled import Line, Piece, line
from archdsl.training.afterwards.comparison import Entry, alike, unlike, views
from archdsl.training.afterwards.judging import Judgement, Prediction


def comparison(entries: Sequence[Entry]) -> Iterator[Line]:
    """Model | Loss | Top-1 | Iterations | images/s, and below it what cannot be compared.

    The first run's data and crops are what the others are measured by.
    """
    first = entries[0]
    most = max(entry.steps for entry in entries)
    rows = [
        (
            entry.name + ("" if entry.finished else " †") + ("" if alike(entry, first) else " ‡"),
            f"{entry.last['loss']:.3f}",
            _share(entry.last["top1"], entry.last["top1_standard_error"]),
            f"{entry.steps:,}" + ("*" if entry.steps < most else " "),
            "–" if entry.images_per_second is None else f"{entry.images_per_second:,.0f}",
        )
        for entry in entries
    ]
    yield from _columns(("Model", "Loss", "Top-1", "Iterations ", "images/s"), rows)
    yield ()
    for note in _notes(entries, most):
        yield line(Piece(f"  {note}"))


def _notes(entries: Sequence[Entry], most: int) -> Iterator[str]:
    first = entries[0]
    kind = "synthetic held-out" if first.data.synthetic else "held-out"
    yield f"on {first.last['images']:,} {kind} images ({first.data.name}); ± is one standard error"
    if any(entry.steps < most for entry in entries):
        yield f"* trained for fewer iterations than {most:,}"
    if not all(entry.finished for entry in entries):
        yield "† not finished: its last evaluation so far"
    others = [entry for entry in entries if not alike(entry, first)]
    for reason, found in groupby(others, lambda entry: unlike(entry, first)):
        yield f"‡ {reason}: not to be compared with {first.name} ({_names(found)})"


def _names(entries: Iterator[Entry]) -> str:
    return ", ".join(entry.name for entry in entries)


def judgement(found: Judgement) -> Iterator[Line]:
    """The figures of a run's network, and whether they are those that the run has recorded."""
    figures = found.found
    kind = "synthetic test images" if found.synthetic else "held-out images"
    own = "the run's own data" if found.same_data else "other images than the run was judged on"
    yield line(Piece(str(found.run), "strong"), Piece(f" · {found.device}"))
    yield line(Piece(f"data: {found.data}: {figures.images:,} {kind}, {views(found.crops)}"))
    yield line(Piece(f"      {own}", "" if found.same_data else "warning"))
    yield ()
    row = (
        f"{figures.loss:.3f}",
        _share(figures.top1, figures.top1_error),
        _share(figures.top5, figures.top5_error),
    )
    yield from _columns(("loss", "top-1", "top-5"), [row])
    yield ()
    yield line(Piece("± is one standard error"))
    if found.agrees is not None and found.recorded is not None:
        yield _agreement(found.agrees, found.recorded)


def _agreement(agrees: bool, recorded: dict[str, float]) -> Line:
    if agrees:
        return line(Piece("✓ ", "good"), Piece("as the run has recorded"))
    return line(
        Piece("✗ ", "bad"),
        Piece(
            f"the run has recorded loss {recorded['loss']:.3f}, top-1 {100 * recorded['top1']:.2f} "
            "%: weights, libraries or device differ"
        ),
    )


def predictions(found: Sequence[Prediction]) -> Iterator[Line]:
    """The likeliest classes of each image that could be read."""
    read = [each for each in found if not each.problem]
    width = max((len(name) for each in read for name, _ in each.classes), default=0)
    for number, each in enumerate(read):
        if number:
            yield ()
        yield line(Piece(str(each.image), "strong"))
        for place, (name, probability) in enumerate(each.classes):
            told = f"  {name.ljust(width)}  {100 * probability:5.1f} %"
            yield line(Piece(told, "" if place else "good"))


def _columns(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[Line]:
    """A table: the first column to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for number, row in enumerate([header, *rows]):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield line(Piece(("  " + "   ".join(cells)).rstrip(), "" if number else "dim"))


def _share(share: float, error: float) -> str:
    return f"{100 * share:.2f} ± {100 * error:.2f} %"
