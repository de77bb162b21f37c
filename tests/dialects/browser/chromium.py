"""Tabs of Chromium that evaluate JavaScript and keep what their page has asked of the network.

Both by the Chrome DevTools Protocol: Playwright's own way of evaluating text is forbidden by a page's policy,
and it does not tell of preflights. https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, CDPSession

from tests.browser import open_browser

WAIT_S = 60
OPTIONS = (
    *("--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Timers of a tab behind another one are as quick as those of the one in front.
    *("--disable-background-timer-throttling", "--disable-renderer-backgrounding"),
)
LOADED = "new Promise((then) => document.readyState === 'complete' ? then() : addEventListener('load', then))"
UNTIL = """(async () => {
    for (;;) {
        const found = (%s);
        if (found) return found;
        await new Promise((then) => setTimeout(then, 20));
    }
})()"""


class Tab:
    """One tab, with storage of its own. `requests` are the methods and URLs of all it has sent.

    A handshake counts as `WEBSOCKET`. `failures` are uncaught exceptions, violations of a page's policy, and
    requests that failed.
    """

    def __init__(self, devtools: CDPSession) -> None:
        self.requests: list[tuple[str, str]] = []
        self.failures: list[str] = []
        self._devtools = devtools
        self._shown = asyncio.Event()
        devtools.on("Network.requestWillBeSent", self._take_request)
        devtools.on("Network.webSocketCreated", self._take_socket)
        devtools.on("Page.frameNavigated", lambda _: self._shown.set())
        devtools.on("Runtime.exceptionThrown", self._take_exception)
        devtools.on("Log.entryAdded", self._take_entry)

    async def open(self, url: str) -> None:
        """Show a page, and wait until it has loaded."""
        answer = await self._devtools.send("Page.navigate", {"url": url})
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        await self.evaluate(LOADED)

    async def reload(self) -> None:
        """Load the page again."""
        self._shown.clear()
        await self._devtools.send("Page.reload")
        await self._shown.wait()
        await self.evaluate(LOADED)

    async def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """The value of an expression of JavaScript, and of a promise what it gives."""
        answer = await self._devtools.send(
            "Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True}
        )
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    async def until(self, condition: str) -> Any:  # noqa: ANN401 - JSON
        """Wait until an expression is true; returns its value."""
        try:
            async with asyncio.timeout(WAIT_S):
                return await self.evaluate(UNTIL % condition)
        except TimeoutError:
            raise AssertionError(f"{condition} is not so; {self.failures}") from None

    async def click(self, selector: str) -> None:
        """Click the first element that a selector finds, once there is one."""
        await self.until(f"!!document.querySelector({selector!r})")
        await self.evaluate(f"document.querySelector({selector!r}).click()")

    def _take_request(self, event: Mapping[str, Any]) -> None:
        self.requests.append((event["request"]["method"], event["request"]["url"]))

    def _take_socket(self, event: Mapping[str, Any]) -> None:
        self.requests.append(("WEBSOCKET", event["url"]))

    def _take_exception(self, event: Mapping[str, Any]) -> None:
        details = event["exceptionDetails"]
        self.failures.append(details.get("exception", {}).get("description") or details["text"])

    def _take_entry(self, event: Mapping[str, Any]) -> None:
        entry = event["entry"]
        if entry["level"] == "error":
            self.failures.append(f"{entry['text']} {entry.get('url', '')}")


class Chromium:
    """A running browser."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        """A new tab, closed at the end."""
        context = await self._browser.new_context()
        devtools = await context.new_cdp_session(await context.new_page())
        tab = Tab(devtools)
        for domain in ("Page", "Network", "Runtime", "Log"):
            await devtools.send(f"{domain}.enable")
        yield tab
        await context.close()


@asynccontextmanager
async def running_chromium(ports: Mapping[str, int]) -> AsyncIterator[Chromium]:
    """A browser that knows these places, such as `localhost:8001`, by the ports where they really are.

    It reaches nothing else.
    """
    rules = [f"MAP {place} 127.0.0.1:{port}" for place, port in ports.items()]
    rules += ["MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"]
    async with open_browser(*OPTIONS, f"--host-resolver-rules={', '.join(rules)}") as browser:
        yield Chromium(browser)
