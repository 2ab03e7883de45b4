"""A scene as SVG, its text as outlines: no font is needed to show it, and no id is in it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from archdsl.diagram.figure.scene import Disc, Line, Mark, Point, Polygon, Scene, Stroke, Text
from archdsl.diagram.figure.text import EM, legal, outline


def svg(scene: Scene) -> bytes:
    """The scene as an SVG file in UTF-8, the same bytes for the same scene.

    Its size is in points, and its unit is the point.
    """
    return ("\n".join(_lines(scene)) + "\n").encode()


def _lines(scene: Scene) -> Iterator[str]:
    width, height = _number(scene.width), _number(scene.height)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
        f'viewBox="0 0 {width} {height}" role="img" stroke-linejoin="round">'
    )
    yield f"<title>{_escaped(scene.title)}</title>"
    yield f"<desc>{_escaped(scene.description)}</desc>"
    yield f'<rect width="{width}" height="{height}" fill="{scene.paper}"/>'
    for mark in scene.marks:
        yield _mark(mark)
    yield "</svg>"


def _mark(mark: Mark) -> str:
    match mark:
        case Polygon():
            points = " ".join(map(_point, mark.points))
            return (
                f'<polygon points="{points}" fill="{mark.fill or "none"}"{_stroke(mark.stroke)}/>'
            )
        case Line():
            (x1, y1), (x2, y2) = mark.start, mark.end
            ends = f'x1="{_number(x1)}" y1="{_number(y1)}" x2="{_number(x2)}" y2="{_number(y2)}"'
            return f"<line {ends}{_stroke(mark.stroke)}/>"
        case Disc():
            x, y = mark.centre
            place = f'cx="{_number(x)}" cy="{_number(y)}" r="{_number(mark.radius)}"'
            return f'<circle {place} fill="{mark.fill}"/>'
        case Text():
            return _text(mark)


def _text(text: Text) -> str:
    x, y = text.start
    scale = _number(text.size / EM, 6)
    placed = f"translate({_number(x)} {_number(y)}) scale({scale} -{scale})"
    return (
        f'<path aria-label="{_escaped(text.text)}" transform="{placed}" '
        f'fill="{text.color}" d="{outline(text.text)}"/>'
    )


def _stroke(stroke: Stroke | None) -> str:
    if stroke is None:
        return ""
    dash = f' stroke-dasharray="{_number(stroke.dash)}"' if stroke.dash else ""
    return f' stroke="{stroke.color}" stroke-width="{_number(stroke.width)}"{dash}'


def _point(point: Point) -> str:
    return f"{_number(point.x)},{_number(point.y)}"


def _number(value: float, digits: int = 2) -> str:
    """A number as short as it can be written; no minus before a zero."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    return "0" if text == "-0" else text


def _escaped(text: str) -> str:
    return escape(legal(text))
