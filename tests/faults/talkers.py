"""Clients that talk with a program while their sockets are cut at random bytes: over the SDK, and over a bare
WebSocket. Each repeats as clients do, and ends when its job has ended.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any
from urllib.parse import urlsplit

from headrace.client.client import AsyncClient
from tests import builders
from tests.cutting import cutting
from tests.faults.resume_checker import OUTPUT, TERMINAL, Shown
from tests.faults.resume_socket import CutError, EndedError, RawSocket
from tests.system.conftest import PATIENCE_S, User

SUMS = (
    "import sys\n"
    "total = 0\n"
    "for line in sys.stdin:\n"
    "    total += int(line)\n"
    "    print(total, flush=True)\n"
    "print('total', total)\n"
)
WALL_MS = 600_000
SHOWN_WITHIN_S = 3.0
"""How long a client waits for what the program prints, then goes on: a crash may cost the feed a note."""
AGAIN_S = 0.2
"""Before a client asks a notifier again that is not there."""
SUBMISSION = {"language": "python", "code": SUMS, "limits": {"wall_ms": WALL_MS}}
MAY_BE_REFUSED = frozenset({"input_mismatch", "already_finished"})
"""A piece behind a refused one, and a repetition when the program has read all and ended."""
HTTP_CUTS, HTTP_BYTES_MAX = 3, 4_000
SOCKET_CUTS, SOCKET_BYTES_MAX = 4, 5_000
TOGETHER_MAX = 2
"""Pieces that are sent without waiting for answers."""


@dataclass
class Tally:
    """What happened to all sessions together."""

    cuts: int = 0
    shown: int = 0
    """Answers of programs that came in time."""
    unshown: int = 0
    refused: int = 0
    """Pieces that were not stored yet, as far as the notifier knew."""
    pieces: int = 0
    """Answered as stored."""
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition, repr=False)

    async def count_piece(self) -> None:
        """One more is answered as stored."""
        async with self._moved:
            self.pieces += 1
            self._moved.notify_all()

    async def next_piece(self) -> None:
        """Return when one more is answered as stored."""
        async with self._moved:
            before = self.pieces
            await self._moved.wait_for(lambda: self.pieces > before)


@dataclass(frozen=True, slots=True)
class Script:
    """What one client says, and where it is cut."""

    numbers: tuple[int, ...]
    """All positive, so that no two sums are the same."""
    chance: random.Random

    @property
    def lines(self) -> list[str]:
        """One number each."""
        return [f"{number}\n" for number in self.numbers]

    @property
    def answers(self) -> list[str]:
        """What the program prints after each line."""
        return [f"{total}\n" for total in accumulate(self.numbers)]

    @property
    def printed(self) -> str:
        """All that it prints."""
        return "".join([*self.answers, f"total {sum(self.numbers)}\n"])


def script(chance: random.Random, lines: int) -> Script:
    """Of so many lines, made of this chance."""
    numbers = tuple(chance.randrange(1, 10**6) for _ in range(lines))
    return Script(numbers, random.Random(chance.random()))  # noqa: S311 - where to cut, not a secret


class Said:
    """What the program was seen to print, in whatever attempt."""

    def __init__(self, tally: Tally) -> None:
        """Nothing yet."""
        self._tally = tally
        self._text = "\n"
        self._moved = asyncio.Condition()

    async def add(self, text: str) -> None:
        """More of it."""
        async with self._moved:
            self._text += text
            self._moved.notify_all()

    async def wait(self, answer: str) -> None:
        """Return when this line was printed, or has not come in time."""
        try:
            async with asyncio.timeout(SHOWN_WITHIN_S), self._moved:
                await self._moved.wait_for(lambda: f"\n{answer}" in self._text)
            self._tally.shown += 1
        except TimeoutError:
            self._tally.unshown += 1


@asynccontextmanager
async def cut_at_random(url: str, cuts: list[int], tally: Tally) -> AsyncIterator[str]:
    """The address of a relay to this one, whose first connections are cut after so many bytes each."""
    parts = urlsplit(url)
    assert parts.port is not None
    async with cutting(parts.port) as relay:
        relay.cut(cuts)
        yield parts._replace(netloc=f"127.0.0.1:{relay.port}").geturl()
        tally.cuts += relay.cuts_made


async def talk_over_the_sdk(user: User, script: Script, tally: Tally) -> str:
    """One session with `AsyncClient.interact`; returns its job when that has ended."""
    address, chance, said = user.stack.address, script.chance, Said(tally)
    http_cuts = [chance.randrange(1, HTTP_BYTES_MAX) for _ in range(HTTP_CUTS)]
    socket_cuts = [chance.randrange(1, SOCKET_BYTES_MAX) for _ in range(SOCKET_CUTS)]
    async with (
        cut_at_random(address.api_url, http_cuts, tally) as api_url,
        cut_at_random(address.websocket_url, socket_cuts, tally) as socket_url,
        AsyncClient(api_url, user.token, websocket_url=socket_url, patience_s=PATIENCE_S) as client,
        client.interact(SUBMISSION, key=builders.job_id()) as conversation,
    ):

        async def listen() -> None:
            async with aclosing(conversation.output("stdout")) as output:
                async for piece in output:
                    await said.add(piece.decode())

        async with asyncio.TaskGroup() as group:
            group.create_task(listen())
            for line, answer in zip(script.lines, script.answers, strict=True):
                await conversation.send(line)
                await tally.count_piece()
                await said.wait(answer)
            await conversation.end()
        assert (await conversation.result()).is_finished
        return conversation.job.job_id


async def talk_over_a_socket(user: User, script: Script, tally: Tally) -> str:
    """The same with the messages of the protocol."""
    job = await user.client.submit({**SUBMISSION, "interactive": True}, key=builders.job_id())
    await _SocketTalk(user, job.job_id, script, tally).run()
    return job.job_id


class _SocketTalk:
    """One session over as many connections as it takes."""

    def __init__(self, user: User, job_id: str, script: Script, tally: Tally) -> None:
        self._url = user.stack.address.websocket_url
        self._token = user.token
        self._job_id = job_id
        self._script = script
        self._tally = tally
        self._said = Said(tally)
        self._pieces = _placed(script)
        self._stored = 0
        """Pieces that were answered as stored: so many from the first on."""
        self._unanswered: set[int] = set()
        self._answered = asyncio.Condition()
        self._cursor = "start"
        self._is_over = False
        self._cuts_left = SOCKET_CUTS

    async def run(self) -> None:
        """Until the job has ended."""
        while not self._is_over:
            bytes_max = self._script.chance.randrange(1, SOCKET_BYTES_MAX) if self._cuts_left else None
            try:
                async with RawSocket(self._url, bytes_max=bytes_max) as raw, asyncio.TaskGroup() as group:
                    await self._open(raw)
                    writing = group.create_task(self._write(raw))
                    await self._read(raw)
                    writing.cancel()
            except* CutError:
                self._cuts_left -= 1
                self._tally.cuts += 1
            except* EndedError:
                pass
            except* OSError:
                await asyncio.sleep(AGAIN_S)

    async def _open(self, raw: RawSocket) -> None:
        await raw.open()
        await raw.send(type="connection_init", token=self._token)
        assert (await raw.next())["type"] == "connection_ack"
        await raw.send(type="subscribe", id="s", job_id=self._job_id, after=self._cursor)
        self._unanswered.clear()

    async def _read(self, raw: RawSocket) -> None:
        """Until the subscription is complete."""
        while True:
            message = await raw.next()
            match message["type"]:
                case "event":
                    await self._take(message["event"])
                case "complete":
                    assert self._is_over
                    return
                case "input_stored":
                    await self._mark(int(message["id"]), is_stored=True)
                case "error" if message["id"] != "s":
                    # What follows a piece that was refused leaves a gap.
                    assert message["temporary"] or message["code"] in MAY_BE_REFUSED, message
                    await self._mark(int(message["id"]), is_stored=False)
                case "error":
                    assert message["temporary"], message
                    raise EndedError
                case kind:
                    assert kind in {"subscribed", "gap"}, message

    async def _take(self, event: Shown) -> None:
        self._cursor = event["cursor"]
        if event["type"] == OUTPUT:
            await self._said.add(event["data"]["content"])
        self._is_over |= event["type"] in TERMINAL

    async def _mark(self, number: int, *, is_stored: bool) -> None:
        async with self._answered:
            self._unanswered.discard(number)
            self._tally.refused += not is_stored
            if is_stored and number == self._stored:
                self._stored += 1
                await self._tally.count_piece()
            self._answered.notify_all()

    async def _write(self, raw: RawSocket) -> None:
        """Send what was not answered as stored, some pieces together, and await what the program says."""
        while self._stored < len(self._pieces):
            begin = self._stored
            until = min(len(self._pieces), begin + self._script.chance.randint(1, TOGETHER_MAX))
            self._unanswered.update(range(begin, until))
            for number in range(begin, until):
                await raw.send(type="input", id=str(number), job_id=self._job_id, **self._pieces[number])
            async with self._answered:
                await self._answered.wait_for(lambda: not self._unanswered)
            if self._stored == begin:
                await asyncio.sleep(AGAIN_S)
            for answer in self._script.answers[begin : self._stored]:
                await self._said.wait(answer)


def _placed(script: Script) -> list[dict[str, Any]]:
    """Its lines and the end, each at its offset."""
    contents = [*script.lines, ""]
    offsets = accumulate(map(len, contents), initial=0)
    return [
        {"offset": offset, "content": content, "end": not content}
        for offset, content in zip(offsets, contents, strict=False)
    ]
