"""The page in a real browser: seen, pointed at, chosen, moved, printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archdsl.compiler import compile_file
from archdsl.diagram.page import draw, page
from archdsl.diagram.page.body import Live
from tests.diagram.helpers import needs_dot
from tests.diagram.page.helpers import page_of
from tests.helpers import compiled

if TYPE_CHECKING:
    from tests.diagram.page.browser import Browser

pytestmark = needs_dot

DESK, PHONE = (1440, 900), (390, 844)
CHIP = '#graph [data-part="{}"]'
ROW = '.layers tr[data-part="{}"]'


@pytest.mark.parametrize("name", ["alexnet", "alexnet_224", "densenet121", "hostile"])
def test_nothing_is_complained_of_and_nothing_asked_for(
    browser: Browser, pages: Path, name: str
) -> None:
    page = pages / f"{name}.html"
    browser.open(page)
    browser.click("#theme")
    browser.hover("#graph [data-part]")
    browser.click(".layers .choose")
    assert browser.complaints() == []
    assert set(browser.requests()) <= {page.as_uri(), "data:,"}
    assert browser.script("return [window.hacked, document.querySelectorAll('img').length]") == [
        None,
        0,
    ]
    assert browser.script("return [localStorage.length, document.cookie]") == [0, ""]


def test_parts_may_have_the_names_of_what_the_script_has(browser: Browser, pages: Path) -> None:
    browser.open(pages / "hostile.html")
    for name, lines in (("constructor", 2), ("__proto__", 1)):
        browser.click(ROW.format(name) + " .choose")
        assert browser.parts("#graph .chosen") == {name}
        assert len(browser.all("li.chosen")) == lines
    assert browser.complaints() == []


def test_a_page_of_findings_alone_has_nothing_to_be_chosen(
    browser: Browser, tmp_path: Path
) -> None:
    from tests.diagram.page.browser import Keys

    path = tmp_path / "findings.html"
    path.write_text(page_of(compiled("archh Net { }")), encoding="utf-8")
    browser.open(path)
    browser.hover("#L1-1 code")
    browser.press(Keys.ESCAPE)
    browser.click(".place a")
    assert browser.focused.get_attribute("id") == "L1-1"
    assert browser.complaints() == []


def test_what_would_get_into_the_page_would_not_run(
    browser: Browser, pages: Path, tmp_path: Path
) -> None:
    """Were a text not escaped, the policy would stand; and this browser tells of such things, on
    which the test above relies."""
    text = (pages / "alexnet.html").read_text(encoding="utf-8")
    harm = "<script>hacked=1</script><img src=http://127.0.0.1:9/x onerror=hacked=1><p style=x:y>"
    (tmp_path / "harm.html").write_text(text.replace("</main>", f"</main>{harm}"), encoding="utf-8")
    browser.open(tmp_path / "harm.html")
    assert browser.script("return [window.hacked, document.images.length]") == [None, 1]
    told = " ".join(browser.complaints())
    assert "script-src" in told and "img-src" in told and "style-src" in told


# --- pointing and choosing --------------------------------------------------------------------


def test_pointing_at_a_layer_shows_its_arithmetic_and_all_that_shows_it(
    browser: Browser, pages: Path
) -> None:
    browser.open(pages / "alexnet.html")
    assert not browser.find("#detail").is_displayed()
    browser.hover(CHIP.format("conv1.conv"))
    detail = browser.text("#detail")
    for told in (
        "conv 96 11x11 /4",
        "3×227×227 → 96×55×55",
        "(227 − 11) / 4 + 1 = 55",
        "96·3·11·11 + 96 = 34,944",
        "96·55·55 × 3·11·11 = 105,415,200",
        "✓ conv1 -> 96x55x55",
        "line 6",
    ):
        assert told in detail
    # On both devices, in its row, in the claim about it, and in its line.
    assert len(browser.all("#graph .hot")) == 2
    assert browser.parts("tr.hot") == {"conv1.conv"}
    assert len(browser.all(".claims tr.hot")) == 1
    assert [line.get_attribute("id") for line in browser.all("li.hot")] == ["L1-6"]
    browser.hover("h1")
    assert browser.all(".hot") == []
    assert not browser.find("#detail").is_displayed()


def test_a_pointer_that_rests_does_not_take_the_panel_from_the_keyboard(
    browser: Browser, pages: Path
) -> None:
    """The choice moves the graph, and another layer comes to lie under the pointer."""
    from tests.diagram.page.browser import Keys

    browser.size((1280, 700))
    browser.open(pages / "alexnet.html")
    for _ in range(3):
        browser.click("[data-zoom=in]")
    browser.hover(CHIP.format("conv1.conv"))
    before = browser.box()
    browser.focus(ROW.format("fc8.linear") + " .choose")
    browser.press(Keys.ENTER)
    browser.script("return new Promise(done => setTimeout(done, 300))")
    assert browser.box() != before
    assert not browser.all(CHIP.format("conv1.conv") + ":hover")
    assert browser.parts("#graph .chosen") == browser.parts("#graph .hot") == {"fc8.linear"}
    assert "linear 1000" in browser.text("#detail")
    browser.hover(CHIP.format("fc7.relu"))
    assert "relu" in browser.text("#detail .brief")


def test_pointing_again_at_the_same_after_the_keyboard(browser: Browser, pages: Path) -> None:
    browser.open(pages / "alexnet.html")
    browser.hover("#L1-10 code")
    browser.focus(ROW.format("conv1.conv") + " .choose")
    assert "conv 96" in browser.text("#detail")
    browser.nudge("#L1-10 code")
    assert "conv 256" in browser.text("#detail")


def test_from_the_table_and_from_the_source(browser: Browser, pages: Path) -> None:
    browser.open(pages / "alexnet.html")
    browser.hover(ROW.format("conv5.maxpool") + " td")
    assert browser.parts("#graph .hot") == {"conv5.maxpool"}
    assert [line.get_attribute("id") for line in browser.all("li.hot")] == ["L1-20"]
    browser.hover("#L1-10 code")
    assert browser.parts(".hot[data-part]") == {"conv2.conv"}
    assert "256·48·5·5 + 256 = 307,456" in browser.text("#detail")
    browser.click("#L1-10 .number")
    assert browser.parts("#graph .chosen") == {"conv2.conv"}
    assert browser.parts(".layers tr.chosen") == {"conv2.conv"}
    browser.click("#L1-10 .number")
    assert browser.all(".chosen") == []


def test_a_stage_is_all_of_its_lines(browser: Browser, pages: Path) -> None:
    browser.open(pages / "alexnet.html")
    browser.hover(ROW.format("conv3") + " td")
    assert [line.get_attribute("id") for line in browser.all("li.hot")] == ["L1-14", "L1-15"]
    assert browser.parts("#graph .hot") == {"conv3"}
    assert browser.parts(".bars tr.hot") == {"conv3"}


def test_the_keyboard_does_what_the_mouse_does(browser: Browser, pages: Path) -> None:
    from tests.diagram.page.browser import Keys

    browser.open(pages / "alexnet.html")
    browser.press(Keys.TAB)
    assert browser.focused.text == "Skip to the figures"
    assert browser.focused.location["x"] >= 0
    browser.press(Keys.ENTER)
    assert browser.focused.get_attribute("id") == "layers"
    order = []
    browser.focus(".viewport")
    for _ in range(6):
        browser.press(Keys.TAB)
        order.append(str(browser.focused.get_attribute("data-part")))
    assert order[0] == "conv1"
    assert {"conv1.conv", "conv1.relu", "conv1.lrn", "conv1.maxpool"} <= set(order)
    browser.focus(CHIP.format("conv1.maxpool"))
    assert "(55 − 3) / 2 + 1 = 27" in browser.text("#detail")
    label = browser.focused.get_attribute("aria-label")
    assert label == "conv1.maxpool, maxpool 3 /2, 96x55x55 to 96x27x27"
    browser.press(Keys.ENTER)
    assert browser.focused.get_attribute("aria-pressed") == "true"
    assert browser.parts(".layers tr.chosen") == {"conv1.maxpool"}
    browser.press(Keys.ESCAPE)
    assert browser.all(".chosen") == []
    assert browser.focused.get_attribute("aria-pressed") == "false"
    browser.focus(ROW.format("fc6.linear") + " .choose")
    browser.press(" ")
    assert browser.parts("#graph .chosen") == {"fc6.linear"}
    browser.focus("#detail .close")
    browser.press(Keys.ENTER)
    assert browser.all(".chosen") == []
    assert browser.focused.text.startswith("linear")


def test_the_keyboard_reaches_each_layer_once_and_everything_has_a_name(
    browser: Browser, pages: Path
) -> None:
    browser.open(pages / "alexnet.html")
    reached = [e.get_attribute("data-part") for e in browser.all('#graph [tabindex="0"]')]
    assert len(reached) == len(set(reached)) == 8 + 22  # stages and layers
    assert browser.script(
        """
        const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
        const nameless = [...document.querySelectorAll("button, a, [role=button], [role=region]")]
          .filter((e) => !e.textContent.trim() && !e.getAttribute("aria-label"));
        const pointing = [...document.querySelectorAll("[aria-labelledby], a[href^='#']")]
          .map((e) => e.getAttribute("aria-labelledby") ?? e.hash.slice(1))
          .filter((id) => !document.getElementById(id));
        return [ids.length - new Set(ids).size, nameless.length, pointing];
        """
    ) == [0, 0, []]


def test_the_address_tells_what_is_chosen(browser: Browser, pages: Path) -> None:
    page = pages / "alexnet.html"
    browser.open(page)
    browser.click(CHIP.format("conv4.conv"))
    browser.click("#theme")
    address = browser.driver.current_url
    assert address == f"{page.as_uri()}#layer=conv4.conv&theme=dark"
    browser.open("about:blank")
    browser.open(address)
    assert browser.parts("#graph .chosen") == {"conv4.conv"}
    assert browser.find("#theme").get_attribute("aria-pressed") == "true"
    browser.open("about:blank")
    browser.open(page, "#layer=%22%5D%3Cimg%20src=x%3E&theme=%22")
    assert browser.complaints() == []
    assert browser.all(".chosen") == []


def test_links_go_to_their_places(browser: Browser, pages: Path) -> None:
    browser.open(pages / "alexnet_224.html")
    browser.click("#finding-1 .place a")
    assert browser.focused.get_attribute("id") == "L1-9"
    browser.click("#L1-9 .at-line a")
    assert browser.focused.get_attribute("id") == "finding-1"
    browser.click(".top nav a[href='#costs']")
    assert browser.focused.get_attribute("id") == "costs"


def test_what_is_wrong_is_marked_where_it_is(browser: Browser, pages: Path) -> None:
    browser.open(pages / "alexnet_224.html")
    assert "2 errors" in browser.text("#findings")
    assert "(224 − 11) / 4 + 1 = 54.25, which rounds down to 54" in browser.text("#findings")
    assert "conv1 never sees the last row and column" in browser.text("#L1-9 .at-line.error")
    assert browser.text("#L1-9 code .error") == "conv 96 11x11 stride=4"
    assert browser.find(ROW.format("conv1.conv") + " .mark.wrong").is_displayed()
    assert browser.parts("#graph .wrong") >= {"conv1", "conv1.conv"}


def test_many_rows_are_folded_until_one_is_looked_for(browser: Browser, pages: Path) -> None:
    browser.open(pages / "densenet121.html")
    inner = next(iter(browser.all(".layers tr.depth-2"))).get_attribute("data-part")
    assert not browser.find(ROW.format(inner)).is_displayed()
    stage = str(inner).partition(".")[0]
    browser.click(ROW.format(stage) + " .fold")
    shown = [row for row in browser.all(".layers tr.depth-1") if row.is_displayed()]
    assert {str(row.get_attribute("data-part")).partition(".")[0] for row in shown} == {stage}
    browser.open("about:blank")
    browser.open(pages / "densenet121.html", f"#layer={inner}")
    assert browser.find(ROW.format(inner)).is_displayed()


# --- zoom and pan -----------------------------------------------------------------------------


def test_the_picture_fits_its_frame_and_zooms_and_moves(browser: Browser, pages: Path) -> None:
    from tests.diagram.page.browser import Keys

    browser.open(pages / "alexnet.html")
    x, y, width, height = fitted = browser.box()
    assert (x, y) == (0, 0)  # its whole width
    assert width / height == pytest.approx(
        browser.script(
            "const v = document.querySelector('.viewport');return v.clientWidth / v.clientHeight"
        )
    )
    browser.focus(".viewport")
    browser.press("+")
    assert browser.box()[2] == pytest.approx(width / 1.25)
    browser.press("-")
    assert browser.box()[2] == pytest.approx(width)
    browser.press("+", "+", Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    zoomed = browser.box()
    browser.press(Keys.ARROW_UP, Keys.ARROW_LEFT)
    moved = browser.box()
    assert moved[0] < zoomed[0] and moved[1] < zoomed[1]
    browser.press("0")
    assert browser.box() == fitted
    browser.click("[data-zoom=in]")
    assert browser.box()[2] == pytest.approx(width / 1.25)
    browser.click("[data-zoom=out]")
    assert browser.box()[2] == pytest.approx(width)
    browser.click("[data-zoom=fit]")
    assert browser.box() == fitted


def test_wheel_and_drag(browser: Browser, pages: Path) -> None:
    browser.open(pages / "alexnet.html")
    _, _, width, _ = browser.box()
    browser.wheel(".viewport", -120, control=True)
    zoomed = browser.box()
    assert zoomed[2] < width
    browser.wheel(".viewport", 100)
    assert browser.box()[1] > zoomed[1]
    assert browser.script("return scrollY") == 0  # the picture moved, not the page
    before = browser.box()
    browser.drag(CHIP.format("conv3.conv"), -80, -50)
    after = browser.box()
    scale = browser.find(".viewport").size["width"] / after[2]
    assert after[0] - before[0] == pytest.approx(80 / scale, abs=1)
    assert after[1] - before[1] == pytest.approx(50 / scale, abs=1)
    assert browser.all(".chosen") == []  # what is dragged is not clicked


def test_what_has_the_focus_comes_into_sight(browser: Browser, pages: Path) -> None:
    browser.open(pages / "alexnet.html")
    browser.focus(CHIP.format("fc8.linear"))
    frame, part = browser.find(".viewport").rect, browser.find(CHIP.format("fc8.linear")).rect
    detail = browser.find("#detail").rect
    assert frame["y"] <= part["y"] and part["y"] + part["height"] <= detail["y"]


# --- how it looks -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "paper"), [("light", "rgba(255, 255, 255, 1)"), ("dark", "rgba(24, 26, 27, 1)")]
)
def test_both_colour_schemes(browser: Browser, pages: Path, scheme: str, paper: str) -> None:
    browser.media(prefers_color_scheme=scheme)
    browser.open(pages / "alexnet.html")
    assert browser.style("body", "background-color") == paper
    # The chip of a convolution, in the palette's colour of its family: light #d6e4f2, dark #243b53.
    fill = browser.style(CHIP.format("conv1.conv") + " polygon", "fill")
    assert fill == {"light": "rgb(214, 228, 242)", "dark": "rgb(36, 59, 83)"}[scheme]
    browser.click("#theme")
    assert browser.style("body", "background-color") != paper
    browser.click("#theme")
    assert browser.style("body", "background-color") == paper


@pytest.mark.parametrize("size", [PHONE, (1280, 800)])
def test_long_words_are_broken_so_that_nothing_scrolls_sideways(
    browser: Browser, tmp_path: Path, size: tuple[int, int]
) -> None:
    """In the title comment, in names, in claims, and in the path of a finding."""
    arch, stage, folder = "Net" * 60, "stage" * 40, tmp_path / ("folder" * 30)
    folder.mkdir()
    spec = folder / f"{'net' * 40}.arch"
    spec.write_text(
        f"block {'fire' * 50}(n) {{ conv n 1x1 }}\n"
        f"# https://example.org/{'papers/' * 12}net.html\n"
        f"arch {arch} {{\n  input 4x8x8\n  devices 2\n"
        f"  {stage}: conv 8 3x3 groups=2 -> 8x5x5 # {'word' * 40}\n"
        f"  b: {'fire' * 50} 4\n     linear 10\n"
        f"  expect {stage} params ~300\n}}\n"
        f"arch {'Other' * 40} from {arch} {{}}\n",
        encoding="utf-8",
    )
    found = compile_file(spec)
    path = tmp_path / "long.html"
    live = Live("1", tuple(analysis.network.name for analysis in found.archs))
    drawn = draw(found.archs[0], found.diagnostics)
    path.write_text(page(found.archs[0], found.diagnostics, drawn, live=live), encoding="utf-8")
    browser.size(size, mobile=size == PHONE)
    browser.open(path)
    assert browser.script("return document.documentElement.scrollWidth") <= size[0]
    assert not browser.script(
        "return [...document.querySelectorAll('.wide')]"
        ".filter(table => table.scrollWidth > table.clientWidth + 1).map(t => t.scrollWidth)"
    )
    assert "https://example.org" in browser.text(".words")
    browser.click(".layers .choose")
    assert browser.script("return document.documentElement.scrollWidth") <= size[0]


def test_what_zooms_the_graph_covers_none_of_it(browser: Browser, pages: Path) -> None:
    browser.size((1280, 800))
    browser.open(pages / "alexnet.html")
    places = [browser.find(selector).rect for selector in (".tools", ".viewport")]
    assert places[0]["y"] + places[0]["height"] <= places[1]["y"]


@pytest.mark.parametrize("name", ["alexnet", "alexnet_224"])
def test_words_are_whole_where_they_are_not_very_long(
    browser: Browser, pages: Path, name: str
) -> None:
    """A line of a name or of a figure is as high as one line."""
    browser.size((1280, 800))
    browser.open(pages / f"{name}.html")
    assert not browser.script(
        "return [...document.querySelectorAll('.layers :is(.name, td.number), .bars th')]"
        ".filter(e => e.getClientRects().length && e.textContent && e.clientHeight > 34)"
        ".map(e => e.textContent)"
    )


@pytest.mark.parametrize("name", ["alexnet", "alexnet_224", "densenet121", "hostile"])
def test_a_phone_shows_all_of_it_without_scrolling_sideways(
    browser: Browser, pages: Path, name: str
) -> None:
    browser.size(PHONE, mobile=True)
    browser.open(pages / f"{name}.html")
    assert browser.script("return document.documentElement.scrollWidth") <= PHONE[0]
    assert browser.box()[:2] == [0, 0]
    svg, frame = browser.find("#graph").rect, browser.find(".viewport").rect
    assert svg["height"] <= frame["height"] + 1


def test_a_phone_has_the_arithmetic_at_its_lower_end(browser: Browser, pages: Path) -> None:
    browser.size(PHONE, mobile=True)
    browser.media(prefers_reduced_motion="reduce")
    browser.open(pages / "alexnet.html")
    table, room = browser.find(".layers").rect, browser.find("#layers .wide").rect
    assert table["width"] <= room["width"]
    browser.click(ROW.format("conv1.conv") + " .choose")
    detail = browser.find("#detail")
    assert "(227 − 11) / 4 + 1 = 55" in detail.text
    assert (
        browser.script("return document.querySelector('#detail').getBoundingClientRect().bottom")
        == PHONE[1]
    )
    browser.click("#detail .close")
    assert not detail.is_displayed()


def test_two_fingers_zoom(browser: Browser, pages: Path) -> None:
    browser.size(PHONE, mobile=True)
    browser.command("Emulation.setTouchEmulationEnabled", {"enabled": True})
    browser.open(pages / "alexnet.html")
    browser.script("document.querySelector('.viewport').scrollIntoView({block: 'center'})")
    width = browser.box()[2]
    browser.pinch(".viewport", 60, 120)
    assert browser.box()[2] == pytest.approx(width / 2, rel=0.1)
    browser.command("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_motion_is_for_those_who_want_it(browser: Browser, pages: Path) -> None:
    browser.size(PHONE, mobile=True)
    for wish, animation in (("reduce", "none"), ("no-preference", "rise")):
        browser.media(prefers_reduced_motion=wish)
        browser.open(pages / "alexnet.html")
        browser.click(ROW.format("conv1.conv") + " .choose")
        assert browser.style("#detail", "animation-name") == animation


def test_on_paper_all_is_seen_and_nothing_pressed(browser: Browser, pages: Path) -> None:
    browser.media("print", prefers_color_scheme="dark")
    browser.open(pages / "densenet121.html")
    assert not any(
        browser.find(selector).is_displayed() for selector in (".top", ".tools", ".fold", "#theme")
    )
    assert all(row.is_displayed() for row in browser.all(".layers tr")[:40])
    assert browser.style("body", "background-color") == "rgba(255, 255, 255, 1)"
    browser.media()
    browser.open(pages / "alexnet.html")
    browser.press("+")
    sheets = browser.pdf()
    boxes = re.findall(rb"/MediaBox \[([\d. ]+)\]", sheets)
    assert 3 <= len(boxes) <= 7
    assert browser.box()[2] > 0  # and the picture is as it was
