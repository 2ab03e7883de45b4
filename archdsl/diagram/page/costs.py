"""Costs by stage, as bars: what each learns, computes, keeps and takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from archdsl.analysis import Analysis, Costs
from archdsl.analysis.claims import percent
from archdsl.diagram.page.html import Element, el
from archdsl.diagram.page.view import View
from archdsl.network import Stage
from archdsl.report import UNKNOWN, short
from archdsl.shape import Family


class Measure(NamedTuple):
    """A figure of every stage that is drawn as bars."""

    name: str
    unit: str
    of: Callable[[Costs], int]


def costs(view: View) -> Element:
    """What each stage learns, computes, keeps and takes, as bars."""
    analysis = view.analysis
    recipe = analysis.network.recipe
    batch, slots = (recipe.batch, recipe.optimizer.state_slots()) if recipe else (1, 0)

    def memory(costs: Costs) -> int:
        return costs.memory(batch, slots).total

    images = f"batch {batch:,}" if recipe else "1 image"
    measures = (
        Measure("parameters", "", lambda costs: costs.params),
        Measure("MACs", "per image", lambda costs: costs.macs),
        Measure("activations", "per image, with the input", lambda costs: costs.activations),
        Measure("memory", f"bytes to train in float32, {images}", memory),
    )
    return el("div", *(_bars(analysis, measure) for measure in measures), class_="charts")


def _bars(analysis: Analysis, measure: Measure) -> Element:
    stages = analysis.network.stages
    known = [analysis.parts[stage.path] for stage in stages]
    figures = [measure.of(costs) if costs else None for costs in known]
    most = max([figure for figure in figures if figure], default=1)
    whole = sum(figure for figure in figures if figure) or 1
    total = short(measure.of(analysis.costs)) if analysis.costs else UNKNOWN
    return el(
        "table",
        el(
            "caption",
            el("strong", measure.name),
            f" {total}",
            el("span", measure.unit, class_="unit"),
        ),
        el("tbody", *(_bar(s, f, most, whole) for s, f in zip(stages, figures, strict=True))),
        class_="bars",
    )


def _bar(stage: Stage, figure: int | None, most: int, whole: int) -> Element:
    width = round(100 * (figure or 0) / most, 2)
    share = percent(figure / whole).lstrip("+") if figure else ""
    return el(
        "tr",
        el("th", stage.name, scope="row"),
        el(
            "td",
            el(
                "svg",
                el("rect", width=f"{width:g}%", height="100%", rx=2, data_family=_family(stage)),
                aria_hidden="true",
            ),
        ),
        el(
            "td", UNKNOWN if figure is None else short(figure), class_="number", title=_full(figure)
        ),
        el("td", share, class_="number share"),
        data_part=stage.path,
    )


def _full(figure: int | None) -> str | None:
    return f"{figure:,}" if figure else None


def _family(stage: Stage) -> str | None:
    """The family of the layer that a stage is there for: its first one with weights."""
    found: list[Family] = [layer.op.look for layer in stage.layers if layer.op.weighted]
    return found[0].value if found else None
