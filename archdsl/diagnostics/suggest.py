"""The one did-you-mean."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

DID_YOU_MEAN = "did you mean"
"""How the help line begins that names the near one."""

MAX_LISTED = 40
"""Names to choose from that are shown where none is near."""

MAX_COMPARED = 400
"""Names among which the nearest is looked for; each takes some 20 µs."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be, or None if none is near."""
    return _nearest(name, tuple(islice(known, MAX_COMPARED)))


@lru_cache(maxsize=256)  # a wrong name in a repeat is asked for as often as that is expanded
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    from difflib import get_close_matches  # only a mistake needs it

    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Help lines for an unknown `name`: the near one, else the list to choose from."""
    choices = sorted(set(known))
    near = nearest(name, choices)
    if near is not None:
        return (f"{DID_YOU_MEAN} '{near}'?",)
    if len(choices) > MAX_LISTED:
        choices = [*choices[:MAX_LISTED], "…"]
    return (f"known here: {', '.join(choices)}",) if choices else ()
