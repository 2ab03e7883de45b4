"""In what a run differs from what it was when it was stopped, setting by setting."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final

from archdsl.source import Source
from archdsl.training.errors import Differs

FREE: Final = frozenset(
    "name spec used restated module fused normalisation device versions hardware started "
    "resumed".split()
)
"""What of config.json is not compared. The spec's text may differ in comments, and the module,
which is made from it, is compared as a text; the others follow from what is compared."""

ADJUSTABLE: Final = (
    ("steps",),
    ("recipe", "steps"),
    ("recipe", "epochs"),
    ("recipe", "optimizer", "lr"),
    ("recipe", "optimizer", "weight_decay"),
    ("recipe", "schedule"),
    ("recipe", "evaluate"),
)
"""Where in config.json stands what a run may go on with, if that is asked for."""


@dataclass(frozen=True)
class Difference:
    """A setting that is not what it was."""

    path: tuple[str, ...]
    before: Any
    now: Any

    @property
    def adjustable(self) -> bool:
        """Whether a run can go on with it, from what it has kept."""
        return any(self.path[: len(path)] == path for path in ADJUSTABLE)

    def __str__(self) -> str:
        """Such as "optimizer lr was 0.01, is 0.02"."""
        name = " ".join(self.path[1:] if self.path[0] == "recipe" else self.path)
        return f"{name} was {_value(self.before)}, is {_value(self.now)}"


def accepted(
    run: Path, before: Mapping[str, Any], now: Mapping[str, Any], spec: Source, changed: bool
) -> list[str]:
    """In what a run is to go on differently. Without `changed`, that is nothing.

    `before` is the run's config.json, and `now` what it would be for `spec`.

    Raises:
        Differs: in what they may not; the text names all of it.
    """
    found = differences(before, now)
    refused = [d for d in found if not (changed and d.adjustable)]
    told = list(dict.fromkeys(map(str, refused)))
    same = before["module"] == now["module"] or before["layout"] != now["layout"]
    if not same and (line := _line(run / before["spec"]["file"], spec)):
        told.insert(0, line)
    elif not same and not told:
        told = [f"this version of archdsl makes another module of {spec.name}"]
    if told:
        remedy = "Undo that, or leave --resume away to begin another"
        if same and all(d.adjustable for d in found):
            remedy = f"{remedy}; --changed goes on with what is new"
        raise Differs(run, told, remedy)
    return list(dict.fromkeys(map(str, found)))


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Every setting that is not what it was."""
    return list(_between((), _compared(before), _compared(now)))


def _compared(config: Mapping[str, Any]) -> dict[str, Any]:
    """Where the data lies, which is its name, may differ: its hash says whether it is the same."""
    chosen = {name: value for name, value in config.items() if name not in FREE}
    chosen["data"] = {k: v for k, v in config["data"].items() if k != "name"}
    chosen["recipe"] = {k: v for k, v in config["recipe"].items() if k != "data"}
    return chosen


def _between(path: tuple[str, ...], before: Any, now: Any) -> Iterator[Difference]:
    if before == now:
        return
    # Words of two kinds have nothing to be compared by.
    alike = isinstance(before, dict) and isinstance(now, dict)
    if alike and before.get("word") == now.get("word"):
        for name in dict.fromkeys([*before, *now]):
            yield from _between((*path, name), before.get(name), now.get(name))
    else:
        yield Difference(path, before, now)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("word", value))
    return "not set" if value is None else str(value)


def _line(kept: Path, spec: Source) -> str:
    """The first place where a spec is another than the run's copy of it; nothing if it is none."""
    if not kept.exists():
        return f"its copy of the spec, {kept.name}, is gone, and {spec.name} makes another module"
    before = kept.read_text(encoding="utf-8").splitlines()
    diff = list(unified_diff(before, spec.text.splitlines(), n=0, lineterm=""))[2:]
    if kept.name != spec.name:
        return f"its spec was called {kept.name}, is {spec.name}"
    if not diff:
        return ""
    was = next((line[1:].strip() for line in diff if line.startswith("-")), "not there")
    is_ = next((line[1:].strip() for line in diff if line.startswith("+")), "not there")
    return f"in {spec.name} `{was}` is `{is_}`"
