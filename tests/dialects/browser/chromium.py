"""Chromium without a screen, controlled by the Chrome DevTools Protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import itertools
import json
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

WAIT_S = 60
COMMAND_S = 180
"""The longest script of a page is a command too."""
LISTENING = b"DevTools listening on "
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Timers of a tab behind another one are as quick as those of the one in front.
    *("--disable-background-timer-throttling", "--disable-renderer-backgrounding"),
    "--remote-debugging-port=0",
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

    def __init__(self, chromium: "Chromium", session: str) -> None:
        self.requests: list[tuple[str, str]] = []
        self.failures: list[str] = []
        self._chromium = chromium
        self._session = session
        self._shown = asyncio.Event()

    async def open(self, url: str) -> None:
        """Show a page, and wait until it has loaded."""
        answer = await self._command("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        await self.evaluate(LOADED)

    async def reload(self) -> None:
        """Load the page again."""
        self._shown.clear()
        await self._command("Page.reload")
        await self._shown.wait()
        await self.evaluate(LOADED)

    async def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """The value of an expression of JavaScript, and of a promise what it gives."""
        answer = await self._command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
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

    def take(self, method: str, event: Mapping[str, Any]) -> None:
        """The tab's browser tells what has happened."""
        match method:
            case "Network.requestWillBeSent":
                self.requests.append((event["request"]["method"], event["request"]["url"]))
            case "Network.webSocketCreated":
                self.requests.append(("WEBSOCKET", event["url"]))
            case "Page.frameNavigated":
                self._shown.set()
            case "Runtime.exceptionThrown":
                details = event["exceptionDetails"]
                self.failures.append(details.get("exception", {}).get("description") or details["text"])
            case "Log.entryAdded" if event["entry"]["level"] == "error":
                self.failures.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")

    async def _command(self, method: str, **parameters: object) -> dict[str, Any]:
        return await self._chromium.command(method, self._session, **parameters)


class Chromium:
    """A running browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._tabs: dict[str, Tab] = {}

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        """A new tab, closed at the end."""
        context = (await self.command("Target.createBrowserContext"))["browserContextId"]
        where = {"url": "about:blank", "browserContextId": context}
        target = (await self.command("Target.createTarget", **where))["targetId"]
        session = (await self.command("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.command(f"{domain}.enable", session)
        yield self._tabs[session]
        await self.command("Target.disposeBrowserContext", browserContextId=context)

    async def command(self, method: str, session: str | None = None, **parameters: object) -> dict[str, Any]:
        """The result of a command; of the browser itself without a session."""
        number = next(self._numbers)
        command: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if session is not None:
            command["sessionId"] = session
        self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(COMMAND_S):
                await self._connection.send(json.dumps(command))
                answer = await self._answers[number]
        finally:
            del self._answers[number]
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    async def read(self) -> None:
        """Take answers and events until the browser is gone."""
        async for text in self._connection:
            message = json.loads(text)
            if "id" not in message:
                tab = self._tabs.get(message.get("sessionId"))
                if tab is not None:
                    tab.take(message["method"], message["params"])
            elif message["id"] in self._answers:
                self._answers[message["id"]].set_result(message)
        for answer in self._answers.values():
            answer.cancel()


@asynccontextmanager
async def running_chromium(profile: Path, ports: Mapping[str, int]) -> AsyncIterator[Chromium]:
    """Debian's Chromium, ended with all its processes.

    `ports` are the places that it knows, such as `localhost:8001`, by the ports on this machine where they
    really are. It reaches nothing else.
    """
    program = shutil.which("chromium")
    assert program is not None, "apt-get install chromium"
    rules = [f"MAP {place} 127.0.0.1:{port}" for place, port in ports.items()]
    rules += ["MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"]
    options = (f"--user-data-dir={profile}", f"--host-resolver-rules={', '.join(rules)}")
    process = await asyncio.create_subprocess_exec(
        *(program, *OPTIONS, *options), stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, start_new_session=True
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(WAIT_S):
            address = await _address(process.stderr)
        draining = asyncio.create_task(_drain(process.stderr))
        async with connect(address, max_size=None, ping_interval=None) as connection:
            chromium = Chromium(connection)
            reading = asyncio.create_task(chromium.read())
            yield chromium
            reading.cancel()
        draining.cancel()
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _address(stderr: asyncio.StreamReader) -> str:
    async for line in stderr:
        if line.startswith(LISTENING):
            return line.removeprefix(LISTENING).decode().strip()
    raise AssertionError("Chromium has ended")


async def _drain(stderr: asyncio.StreamReader) -> None:
    while await stderr.read(65_536):
        pass
