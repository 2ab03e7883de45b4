"""A scene as PDF: one page of the scene's size, the font embedded, the text to be searched."""

from __future__ import annotations

from datetime import UTC, datetime

from fpdf import FPDF

from archdsl.diagram.figure.scene import Disc, Line, Mark, Polygon, Scene, Stroke, Text
from archdsl.diagram.figure.text import FONT, legal, printable

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""What each file says of when it was made, so that the same scene gives the same bytes."""

_FAMILY = "figure"


def pdf(scene: Scene) -> bytes:
    """The scene as a PDF file, the same bytes for the same scene."""
    page = FPDF(unit="pt", format=(scene.width, scene.height))
    page.set_creation_date(_EPOCH)
    page.set_title(legal(scene.title))
    page.set_subject(legal(scene.description))
    page.set_creator("archdsl")
    page.set_auto_page_break(False)
    page.add_font(_FAMILY, fname=FONT)
    page.add_page()
    page.set_fill_color(scene.paper)
    page.rect(0, 0, scene.width, scene.height, style="F")
    for mark in scene.marks:
        _draw(page, mark)
    return bytes(page.output())


def _draw(page: FPDF, mark: Mark) -> None:
    match mark:
        case Polygon():
            if mark.fill is not None:
                page.set_fill_color(mark.fill)
            if mark.stroke is not None:
                _set_stroke(page, mark.stroke)
            style = ("D" if mark.stroke else "") + ("F" if mark.fill else "")
            page.polygon(mark.points, style=style)
        case Line():
            _set_stroke(page, mark.stroke)
            page.line(*mark.start, *mark.end)
        case Disc():
            page.set_fill_color(mark.fill)
            page.circle(*mark.centre, mark.radius, style="F")
        case Text():
            page.set_font(_FAMILY, size=mark.size)
            page.set_text_color(mark.color)
            page.text(*mark.start, printable(mark.text))


def _set_stroke(page: FPDF, stroke: Stroke) -> None:
    page.set_draw_color(stroke.color)
    page.set_line_width(stroke.width)
    page.set_dash_pattern(stroke.dash, stroke.dash)
