"""Elements: what is text stays text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archdsl.diagram.page.html import data, el, raw
from tests.diagram.page.helpers import Parsed


@pytest.mark.parametrize(
    ("element", "written"),
    [
        (el("p", "a < b & c > d"), "<p>a &lt; b &amp; c &gt; d</p>"),
        (el("p", title='"quoted" <b>'), '<p title="&quot;quoted&quot; &lt;b&gt;"></p>'),
        (el("br", class_="wide", hidden=True, id=None, lang=False), '<br class="wide" hidden="">'),
        (el("ul", [el("li", str(n)) for n in (1, 2)], None), "<ul><li>1</li><li>2</li></ul>"),
        (el("a", "x", aria_label="y", data_part="a.b"), '<a aria-label="y" data-part="a.b">x</a>'),
        (el("p", "a\x00b\x1b\u202ec\ud800\ttab\nline"), "<p>a␦b␦␦c␦\ttab\nline</p>"),
    ],
)
def test_an_element_is_written_escaped(element: object, written: str) -> None:
    assert str(element) == written


@given(st.text())
def test_any_text_is_read_back_as_text(text: str) -> None:
    parsed = Parsed(str(el("div", text, el("hr"), title=text)))
    assert [tag for tag, _ in parsed.elements] == ["div", "hr"]
    kept = text.isprintable()
    assert not kept or "".join(parsed.texts) == text
    assert not kept or parsed.of("div") == [{"title": text}]


@given(st.lists(st.text()) | st.dictionaries(st.text(), st.text()))
def test_data_is_json_that_cannot_end_its_element(value: object) -> None:
    text = str(data(value))
    inside = text.removeprefix('<script type="application/json">').removesuffix("</script>")
    assert not set("<>&\u2028\u2029") & set(inside)
    assert json.loads(inside) == value


@pytest.mark.parametrize("text", ["a</script>", "<!-- <script>", "</style"])
def test_no_script_can_end_its_element(text: str) -> None:
    with pytest.raises(ValueError, match="no text of a script"):
        raw("script", text)


def test_only_scripts_and_style_sheets_are_raw() -> None:
    with pytest.raises(ValueError, match="no text of a p"):
        raw("p", "text")
