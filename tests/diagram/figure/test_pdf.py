"""The figure as PDF, read by pypdf."""

from __future__ import annotations

import logging
from io import BytesIO

import pytest
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from archdsl.diagram.figure.draw import figure
from archdsl.diagram.figure.pdf import pdf
from archdsl.diagram.figure.scene import Point, Scene, Text
from tests.diagram.figure.helpers import scene, shipped


def read(picture: Scene) -> PdfReader:
    return PdfReader(BytesIO(pdf(picture)))


def fonts(reader: PdfReader) -> list[DictionaryObject]:
    """The descriptors of the fonts of the page."""
    found = []
    resources = reader.pages[0]["/Resources"]
    assert isinstance(resources, DictionaryObject)
    listed = resources["/Font"].get_object()
    assert isinstance(listed, DictionaryObject)
    for font in listed.values():
        inner = font.get_object()["/DescendantFonts"][0].get_object()
        found.append(inner["/FontDescriptor"].get_object())
    return found


@pytest.mark.parametrize("width", [88.0, 180.0])
def test_it_is_one_page_of_the_figure_s_size(width: float) -> None:
    picture = scene(shipped("alexnet"), width)
    reader = read(picture)
    (page,) = reader.pages
    assert float(page.mediabox.width) == pytest.approx(width / 25.4 * 72, abs=0.01)
    assert float(page.mediabox.height) == pytest.approx(picture.height, abs=0.01)


def test_its_font_is_embedded_and_its_text_can_be_found() -> None:
    reader = read(scene(shipped("alexnet")))
    (font,) = fonts(reader)
    assert str(font["/FontName"]).endswith("FiraSans")
    assert font["/FontFile2"]
    words = reader.pages[0].extract_text().split()
    for word in "227 55 27 13 48 128 192 2048 1000 11 5 3 Stride pooling dense".split():
        assert word in words


def test_it_says_what_it_shows() -> None:
    found = read(scene(shipped("alexnet"))).metadata
    assert found is not None
    assert found.title == "AlexNet"
    assert found.subject and "60,965,224 parameters" in found.subject
    assert found.creation_date and found.creation_date.year == 2000


def test_the_same_network_gives_the_same_bytes() -> None:
    analysis = shipped("zoo/squeezenet1_1").archs[0]
    assert pdf(figure(analysis)) == pdf(figure(analysis))


def test_what_the_font_lacks_is_a_box(caplog: pytest.LogCaptureFixture) -> None:
    text = Text(Point(5, 20), "a日b\u202e ć Ж λ →", 7, "#000000")
    with caplog.at_level(logging.WARNING):
        reader = read(Scene(100, 50, "#ffffff", (text,), "日", "本"))
    assert caplog.records == []  # fpdf says there what a font lacks
    assert reader.pages[0].extract_text() == "a\ufffdb\ufffd ć Ж λ →"
    assert reader.metadata and reader.metadata.title == "日"
