"""A real browser, headless, for the tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archdsl.compiler import compile_file
from tests.diagram.page.helpers import HOSTILE, page_of
from tests.helpers import SPECS, compiled

if TYPE_CHECKING:
    from tests.diagram.page.browser import Browser

PROGRAMS = ("chromium", "chromedriver")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; those are skipped where there is none."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(
            f"no {' and no '.join(missing)} here: Debian's packages are chromium and "
            "chromium-driver"
        )
    pytest.importorskip("selenium", reason="selenium, of archdsl[dev], is not installed")
    from tests.diagram.page.browser import Browser

    browser = Browser()
    yield browser
    browser.quit()


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """The browser as a desk has it, which has looked at nothing yet."""
    chromium.reset()
    return chromium


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pages: of AlexNet, of the same with a mistake, of a network of many blocks, and
    of a spec that would do harm."""
    folder = tmp_path_factory.mktemp("pages")
    for name in ("alexnet", "alexnet_224", "zoo/densenet121"):
        text = page_of(compile_file(SPECS / f"{name}.arch"))
        (folder / f"{Path(name).name}.html").write_text(text, encoding="utf-8")
    (folder / "hostile.html").write_text(page_of(compiled(HOSTILE)), encoding="utf-8")
    return folder
