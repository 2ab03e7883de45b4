"""Layout: pictures by dot, and what is said where there is none."""

from __future__ import annotations

import re
import struct
import time
import zlib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archdsl.diagram import layout
from archdsl.diagram.graph import graph
from archdsl.diagram.layout import Format, GraphvizMissing, LayoutFailed, picture
from tests.diagram.helpers import needs_dot
from tests.helpers import analysed, compiled, network

DOT = graph(analysed("input 3x32x32\ndevices 2\na: conv 8 3x3\n   relu\nb: linear 5"))

SVG = "{http://www.w3.org/2000/svg}"


def svg(dot: str) -> bytes:
    return picture(dot, "svg")


@needs_dot
def test_a_graph_becomes_svg() -> None:
    root = ElementTree.fromstring(svg(DOT))
    assert root.tag == f"{SVG}svg"
    titles = {element.text for element in root.iter(f"{SVG}title")}
    assert {"@input", "a@0", "a@1", "b@0", "b@1", "@output", "b@exchange->b@1"} <= titles


@needs_dot
def test_png_has_two_pixels_to_a_point() -> None:
    size = re.search(r'width="(\d+)pt" height="(\d+)pt"', svg(DOT).decode())
    png = picture(DOT, "png")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert size
    assert struct.unpack(">II", png[16:24]) == pytest.approx([2 * int(n) for n in size.groups()], 2)


@needs_dot
def test_pdf_has_its_fonts() -> None:
    pdf = picture(DOT, "pdf")
    assert pdf.startswith(b"%PDF-")
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    packed = (stream for stream in streams if stream[:1] == b"\x78")
    text = pdf + b"".join(zlib.decompressobj().decompress(stream) for stream in packed)
    descriptors = re.findall(rb"/Type /FontDescriptor.*?>>", text, re.DOTALL)
    assert descriptors
    assert all(re.search(rb"/FontFile[23]? ", descriptor) for descriptor in descriptors)


@needs_dot
@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
def test_the_same_text_gives_the_same_bytes_at_another_time(format: Format) -> None:
    first = picture(DOT, format)
    if format == "pdf":
        time.sleep(1.1)  # PDF has the second in which it was made
    assert picture(DOT, format) == first


def test_the_date_of_a_pdf_leaves_a_blank_as_long_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A PDF tells at which byte its objects begin."""
    made = b"<< /Producer (cairo)\n   /CreationDate (D:20261121215116+01'00)\n>>\nstartxref\n9\n"
    monkeypatch.setattr(layout, "_drawn", lambda dot, format: made)
    found = picture(DOT, "pdf")
    assert len(found) == len(made)
    assert b"2026" not in found
    assert found.split() == [b"<<", b"/Producer", b"(cairo)", b">>", b"startxref", b"9"]


@needs_dot
@pytest.mark.parametrize(("inches", "fits"), [(220, True), (500, False)])
def test_a_png_that_would_be_scaled_down_is_refused(inches: int, fits: bool) -> None:
    """A side has 32,767 pixels at the most, at 144 an inch 227 inches."""
    tall = f"digraph {{\n a [shape=box, width=0.5, height={inches}]\n}}"
    if fits:
        assert picture(tall, "png").startswith(b"\x89PNG")
        return
    with pytest.raises(LayoutFailed, match="too long for a PNG, which has 32,767 pixels"):
        picture(tall, "png")
    assert b"<svg" in picture(tall, "svg")


@needs_dot
def test_text_that_dot_does_not_read_is_refused_with_what_dot_says() -> None:
    with pytest.raises(LayoutFailed, match="syntax error in line"):
        svg("digraph { a -> ")


def test_without_dot_it_is_said_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GraphvizMissing) as caught:
        svg(DOT)
    for words in ("apt-get install graphviz", "brew install graphviz"):
        assert words in str(caught.value)


# --- any text -------------------------------------------------------------------------------------

PRINTABLE = st.characters(exclude_categories=["Cs", "Cc"])


@needs_dot
@settings(max_examples=30, deadline=None)
@given(st.text(st.one_of(PRINTABLE, st.sampled_from("<>&\"'\\{}|\t\x01\x1b\x7f"))))
@example('<B>"</TD>\\N\\G & \\')
@example(
    "\U0001f3db\ufe0f \U0001f468\u200d\U0001f469 \u05e9\u05dc \u0645\u0631 \u202etxet\u202c \u6f22"
)
@example("\U0001d518" * 10_000)
@example('"' * 10_000)
@example("".join(map(chr, range(1, 32))).replace("\n", "").replace("\r", ""))
def test_any_title_is_drawn(title: str) -> None:
    line = title.replace("\n", " ").replace("\r", " ")
    result = compiled(f"# {line}\n{network('input 3x8x8')}")
    root = ElementTree.fromstring(svg(graph(result.archs[0])))
    shown = " ".join("".join(text.itertext()) for text in root.iter(f"{SVG}text"))
    words = [word for word in re.findall(r"[a-z0-9]+", line.lower()[:80]) if word.isascii()]
    if len(line) < 80:
        assert all(word in shown.lower() for word in words)


@needs_dot
@settings(max_examples=15, deadline=None)
@given(
    st.text(st.characters(codec="ascii", categories=["L", "N", "Pc"]), min_size=1, max_size=60).map(
        lambda name: f"x{name}x"
    )
)
@example("x" * 10_000)
@example("node")
def test_any_name_is_drawn_and_is_an_id(name: str) -> None:
    result = compiled(network(f"input 3x8x8\n{name}: relu\nlast: tanh", name))
    root = ElementTree.fromstring(svg(graph(result.archs[0], findings=result.diagnostics)))
    ids = [element.get("id") for element in root.iter()]
    assert f"stage:{name}" in ids
    assert f"a_part:{name}.relu" in ids
    assert len(" ".join("".join(text.itertext()) for text in root.iter(f"{SVG}text"))) < 2_000


@needs_dot
def test_what_cannot_be_read_is_shown_as_it_was_written() -> None:
    """The words of an error stand in the picture, whatever they are."""
    text = 'input 3x8x8\na: conv "</TD>&\\N<b>" 3x3\nb: conv 8 kernel="é漢\U0001f3db"'
    result = compiled(network(text))
    assert not result.ok
    root = ElementTree.fromstring(svg(graph(result.archs[0], findings=result.diagnostics)))
    shown = "".join("".join(element.itertext()) for element in root.iter(f"{SVG}text"))
    assert "</TD>&\\N<b>" in shown.replace("\xa0", " ")
    assert "é漢\U0001f3db" in shown
