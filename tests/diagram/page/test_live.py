"""The live page: it follows its file, and keeps the last good picture while that has errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archdsl.diagram.page.live import STALE, LivePages
from archdsl.diagram.page.server import Server, Site
from tests.diagram.helpers import needs_dot
from tests.diagram.page.helpers import Parsed
from tests.helpers import compiled, network

if TYPE_CHECKING:
    from tests.diagram.page.browser import Browser

pytestmark = needs_dot

GOOD = network("input 3x8x8\na: conv 4 3x3\n   relu\nb: linear 10 -> 10")
BETTER = GOOD.replace("conv 4", "conv 6")
WRONG = GOOD.replace("linear 10 -> 10", "linear 10 -> 12")
BROKEN = "arch Net {"


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def live(site: Site) -> LivePages:
    return LivePages("net.arch", site)


def shown(site: Site, name: str | None = None) -> str:
    page = site.page(name)
    assert page is not None
    return page


def picture(text: str) -> list[str]:
    """The texts in the picture of a page."""
    inside = text.partition('id="graph"')[2].partition("</svg>")[0]
    return Parsed(f"<svg{inside}</svg>").texts if inside else []


def test_a_page_with_errors_keeps_the_last_good_picture(site: Site, live: LivePages) -> None:
    live.show(compiled(GOOD))
    good = picture(shown(site))
    assert "conv 4 3x3" in good
    assert STALE not in shown(site)
    live.show(compiled(WRONG))
    text = Parsed(shown(site)).text
    assert "b gives 10, not 12" in text
    assert "━━" in text  # the excerpt's mark
    assert STALE in text
    assert picture(shown(site)) == good
    live.show(compiled(BROKEN))
    assert picture(shown(site)) == good
    assert "arch Net {" in Parsed(shown(site)).text
    live.show(compiled(BETTER))
    assert "conv 6 3x3" in picture(shown(site))
    assert STALE not in shown(site)


def test_without_a_good_one_the_picture_goes_up_to_the_error(site: Site, live: LivePages) -> None:
    live.show(compiled(WRONG))
    assert STALE not in shown(site)
    assert "conv 4 3x3" in picture(shown(site))
    assert any("claims 12" in text or "not 12" in text for text in picture(shown(site)))


def test_a_file_that_is_gone_is_told_of_beside_its_last_picture(
    site: Site, live: LivePages, tmp_path: Path
) -> None:
    from archdsl.compiler import compile_file

    live.show(compiled(GOOD))
    live.show(compile_file(tmp_path / "gone.arch"))
    assert "No such file or directory" in Parsed(shown(site)).text
    assert "conv 4 3x3" in picture(shown(site))


def test_each_network_of_a_file_has_its_page(site: Site, live: LivePages) -> None:
    live.show(compiled(GOOD + network("input 3x8x8\nlinear 3", "Other")))
    assert "<h1>Net</h1>" in shown(site)
    assert "<h1>Other</h1>" in shown(site, "Other")
    assert {"href": "?arch=Other"} in Parsed(shown(site)).of("a")
    assert site.page("None") is None


def test_the_browser_follows(browser: Browser, site: Site, live: LivePages) -> None:
    server = Server(site)
    with server.running():
        live.show(compiled(GOOD))
        browser.open(server.address)
        wait(browser, lambda: browser.text("#live") == "live")
        browser.click('.layers tr[data-part="a.conv"] .choose')
        browser.click("[data-zoom=in]")
        box = browser.box()
        live.show(compiled(WRONG))
        wait(browser, lambda: bool(browser.all("#findings")))
        assert "b gives 10, not 12" in browser.text("#findings")
        assert STALE in browser.text("#picture .note")
        assert browser.is_uncovered("#picture .note")
        # It shows what it showed before, as near as it did.
        assert browser.parts("#graph .chosen") == {"a.conv"}
        assert browser.box()[2] == pytest.approx(box[2])
        live.show(compiled(BETTER))
        wait(browser, lambda: not browser.all("#findings"))
        assert "conv 6 3x3" in browser.text("#graph")
        assert browser.complaints() == []
        origins = {address.partition("#")[0] for address in browser.requests()}
        assert origins <= {server.address, f"{server.address}events", "data:,"}
    wait(browser, lambda: browser.text("#live") == "not connected")
    browser.complaints()  # that the server is gone is no news for the next test


def wait(browser: Browser, until: object) -> None:
    """Until something is so, while pages come and go."""
    from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
    from selenium.webdriver.support.ui import WebDriverWait

    gone = (StaleElementReferenceException, WebDriverException)
    WebDriverWait(browser.driver, 10, 0.05, gone).until(lambda _: until())  # type: ignore[operator]
