"""Debian's Chromium, driven by Playwright: tabs that know what their page complained of."""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, ConsoleMessage, Error, Page, WebSocket, async_playwright

PATIENCE_MS = 100_000
OF_THE_NETWORK = re.compile("WebSocket connection to|Failed to load resource")
"""What Chromium itself writes to the console when a connection breaks or a request is refused."""


@asynccontextmanager
async def open_browser(*options: str) -> AsyncIterator[Browser]:
    """A browser without any state, ended with all its processes."""
    program = shutil.which("chromium")
    assert program is not None, "the test lacks @needs_chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *options])
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Tab:
    """One page, the sockets that it opened, and what was written to its console as an error or a warning."""

    page: Page
    sockets: list[WebSocket] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin to listen, before the page is loaded."""
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("websocket", self._connect)
        self.page.on("console", self._take)
        self.page.on("pageerror", self._fail)

    async def text(self, selector: str) -> str:
        """What an element shows now."""
        return await self.page.locator(selector).text_content() or ""

    def faults(self) -> list[str]:
        """The complaints that are the page's own."""
        return [one for one in self.complaints if not OF_THE_NETWORK.match(one)]

    def _connect(self, socket: WebSocket) -> None:
        self.sockets.append(socket)

    def _take(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _fail(self, error: Error) -> None:
        self.complaints.append(str(error))
