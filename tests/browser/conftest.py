"""The pages in a real browser: Chromium, with and without scripts, narrow and wide, light and dark.

`scripts/test` shows each page in one variant, `scripts/test --full` in all. Pictures are kept in `artefacts`,
which git ignores: look at them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, sync_playwright

HERE = Path(__file__).parent
ARTEFACTS = HERE / "artefacts"
AXE = (HERE / "vendor" / "axe-4.14.1.min.js").read_text(encoding="utf-8")
HEIGHTS = {360: 740, 1920: 1080}


@dataclass(frozen=True)
class Variant:
    """How a page is looked at."""

    width: int
    dark: bool
    scripts: bool

    def __str__(self) -> str:
        return f"{self.width}-{'dark' if self.dark else 'light'}-{'scripts' if self.scripts else 'plain'}"


ALL = [
    Variant(width, dark, scripts)
    for width in (1920, 360)
    for dark in (False, True)
    for scripts in (True, False)
]


def variants(*usual: Variant) -> Any:
    """Run a test in these variants always, and in all with `scripts/test --full`."""
    return pytest.mark.parametrize(
        "variant",
        [pytest.param(one, id=str(one), marks=[] if one in usual else pytest.mark.full) for one in ALL],
    )


WIDE = Variant(1920, dark=False, scripts=True)
NARROW = Variant(360, dark=True, scripts=False)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Ends with the last test of this folder: while playwright runs there is an event loop in this thread, so
    no other test could begin one."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        message = (
            "There is no chromium on this machine: the pages were not looked at (apt-get install chromium)."
        )
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = _launch(playwright, executable)
        yield browser
        browser.close()


def _launch(playwright: Playwright, executable: str) -> Browser:
    # Chromium refuses its sandbox to root.
    return playwright.chromium.launch(
        executable_path=executable, chromium_sandbox=os.geteuid() != 0, args=["--disable-dev-shm-usage"]
    )


class Window:
    """A browser window of one variant, signed in or not."""

    def __init__(self, context: BrowserContext, address: str, variant: Variant) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.variant = variant
        self.troubles: list[str] = []
        self._address = address
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def _hear(self, message: Any) -> None:
        # The browser reports each answer that is no success; tests ask for some.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.troubles.append(message.text)

    def open(self, path: str) -> Page:
        self.page.goto(f"{self._address}{path}")
        return self.page

    def sign_in(self, key: str) -> Window:
        self.open("/admin/sign-in")
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/admin/batches")
        return self

    def watch(self, found: Locator, tries: int = 200) -> None:
        """Wait for what a page comes to show: by itself where there are scripts, else by looking again."""
        if self.variant.scripts:
            found.wait_for()
            return
        again = self.page.get_by_role("link", name="Look again").first
        for _ in range(tries):
            # One of the two each such page has; before that the browser may be between two pages.
            found.or_(again).first.wait_for()
            if found.is_visible():
                return
            with self.page.expect_navigation():
                again.click()
        raise AssertionError(f"it never shows {found}")

    def look(self, name: str) -> None:
        """Keep a picture; nothing may stick out of the window, and axe may find nothing."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}-{self.variant}.png", full_page=True)
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= self.variant.width, f"{name} is {wide} px wide"
        found = self.violations()
        assert found == [], "\n".join(found)
        assert self.troubles == []

    def violations(self) -> list[str]:
        """What axe finds. It cannot run where scripts cannot: there it looks at a copy of the page."""
        if self.variant.scripts:
            return _violations(self.page)
        browser = self.context.browser
        assert browser is not None
        copy = browser.new_context(**options(self.variant, scripts=True))
        try:
            page, html = copy.new_page(), self.page.content()
            page.route("**/*.js", lambda route: route.abort())
            page.route(self.page.url, lambda route: route.fulfill(body=html, content_type="text/html"))
            page.goto(self.page.url)
            return _violations(page)
        finally:
            copy.close()


def _violations(page: Page) -> list[str]:
    # In a world of its own, which the page's policy does not bind.
    session = page.context.new_cdp_session(page)
    frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})
    where = {"contextId": world["executionContextId"]}
    session.send("Runtime.evaluate", {"expression": AXE, **where})
    run = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    done = session.send(
        "Runtime.evaluate",
        {
            "expression": f"{run}.then(found => JSON.parse(JSON.stringify(found.violations)))",
            "awaitPromise": True,
            "returnByValue": True,
            **where,
        },
    )
    session.detach()
    assert "exceptionDetails" not in done, done
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for one in done["result"]["value"]
        for node in one["nodes"]
    ]


def options(variant: Variant, scripts: bool | None = None) -> dict[str, Any]:
    """Of a browser context of this variant."""
    return {
        "viewport": {"width": variant.width, "height": HEIGHTS[variant.width]},
        "color_scheme": "dark" if variant.dark else "light",
        "java_script_enabled": variant.scripts if scripts is None else scripts,
        "reduced_motion": "reduce",
        "accept_downloads": True,
    }


@pytest.fixture
def window(chromium: Browser) -> Iterator[Callable[[str, Variant], Window]]:
    """A function that opens a window on the service at an address."""
    contexts: list[BrowserContext] = []

    def make(address: str, variant: Variant) -> Window:
        context = chromium.new_context(**options(variant))
        contexts.append(context)
        return Window(context, address, variant)

    yield make
    for context in contexts:
        context.close()
