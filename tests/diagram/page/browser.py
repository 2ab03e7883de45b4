"""A headless Chromium that is asked what a person would see of a page and do to it."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

SWITCHES = (
    "--headless=new",
    "--no-sandbox",  # which root and many containers cannot have; the pages are the tests' own
    "--disable-gpu",
    "--disable-dev-shm-usage",  # a container has little of it
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
)

DESK, PHONE = (1440, 900), (390, 844)
"""Width and height in CSS pixels."""


class Browser:
    def __init__(self) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for switch in SWITCHES:
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))

    def quit(self) -> None:
        self.driver.quit()

    def reset(self) -> None:
        self.driver.get("about:blank")
        self.size(DESK)
        self.media()
        self.complaints()
        self.requests()

    # --- what the page is shown on ------------------------------------------------------------

    def size(self, size: tuple[int, int], mobile: bool = False) -> None:
        screen = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": mobile}
        self.command("Emulation.setDeviceMetricsOverride", screen)

    def media(self, kind: str = "", **features: str) -> None:
        """`media("print")`, `media(prefers_color_scheme="dark")`."""
        given = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        self.command("Emulation.setEmulatedMedia", {"media": kind, "features": given})

    def command(self, name: str, arguments: dict[str, Any]) -> Any:
        return self.driver.execute_cdp_cmd(name, arguments)

    def open(self, page: Path | str, hash: str = "") -> None:
        address = page.as_uri() if isinstance(page, Path) else page
        self.driver.get(address + hash)

    def script(self, text: str, *arguments: object) -> Any:
        return self.driver.execute_script(text, *arguments)

    # --- what there is to see -----------------------------------------------------------------

    def find(self, selector: str) -> WebElement:
        """The first element."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def parts(self, selector: str) -> set[str]:
        """Which parts of the network elements stand for."""
        return {str(found.get_attribute("data-part")) for found in self.all(selector)}

    def text(self, selector: str) -> str:
        """What is seen of the text of an element."""
        return self.find(selector).text

    def style(self, selector: str, name: str) -> str:
        return self.find(selector).value_of_css_property(name)

    def is_uncovered(self, selector: str) -> bool:
        """Whether it is the element itself that is seen in its middle."""
        return bool(
            self.script(
                "arguments[0].scrollIntoView({block: 'center'});"
                "const b = arguments[0].getBoundingClientRect();"
                "const seen = document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2);"
                "return arguments[0].contains(seen)",
                self.find(selector),
            )
        )

    def box(self) -> list[float]:
        """What the frame of the picture shows: x, y, width and height in its own units."""
        box = self.script("return document.getElementById('graph').getAttribute('viewBox')")
        return [float(figure) for figure in box.split()]

    def complaints(self) -> list[str]:
        """What the console has said since this was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def requests(self) -> list[str]:
        """The addresses that were asked for since this was asked last."""
        entries = self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def pdf(self) -> bytes:
        return base64.b64decode(self.driver.print_page())

    def screenshot(self) -> bytes:
        return self.driver.get_screenshot_as_png()

    # --- what is done to it -------------------------------------------------------------------

    def hover(self, selector: str) -> None:
        ActionChains(self.driver).move_to_element(self.find(selector)).perform()

    def nudge(self, selector: str) -> None:
        """Move the pointer a little, off the middle of an element."""
        ActionChains(self.driver).move_to_element_with_offset(self.find(selector), 3, 2).perform()

    def click(self, selector: str) -> None:
        self.find(selector).click()

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def focus(self, selector: str) -> None:
        self.script("arguments[0].focus()", self.find(selector))

    @property
    def focused(self) -> WebElement:
        return self.driver.switch_to.active_element

    def drag(self, selector: str, dx: int, dy: int) -> None:
        ActionChains(self.driver).drag_and_drop_by_offset(self.find(selector), dx, dy).perform()

    def wheel(self, selector: str, dy: int, *, control: bool = False) -> None:
        spot = self.script(
            "const b = arguments[0].getBoundingClientRect();"
            "return [b.left + b.width / 2, b.top + b.height / 2]",
            self.find(selector),
        )
        event = {"type": "mouseWheel", "x": spot[0], "y": spot[1], "deltaX": 0, "deltaY": dy}
        self.command("Input.dispatchMouseEvent", event | {"modifiers": 2 * control})

    def pinch(self, selector: str, before: int, after: int) -> None:
        """Two fingers, so many pixels apart at first and at last."""
        x, y = self.script(
            "const b = arguments[0].getBoundingClientRect();"
            "return [b.left + b.width / 2, b.top + b.height / 2]",
            self.find(selector),
        )
        for kind, apart in (
            ("touchStart", before),
            ("touchMove", (before + after) / 2),
            ("touchMove", after),
        ):
            fingers = [{"x": x + side * apart / 2, "y": y, "id": side} for side in (-1, 1)]
            self.command("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
        self.command("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


__all__ = ["DESK", "PHONE", "Browser", "Keys"]
