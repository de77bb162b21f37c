"""Talks with a running program: our keys or standard input go to it, and its output comes to ours."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from typing import Any

from headrace.cli.job_line import JobLine, show_job
from headrace.cli.keyboard import is_on_terminal, our_input, pieces_of, raw_mode, window_size
from headrace.cli.printer import Printer
from headrace.cli.run import explain, print_json
from headrace.cli.waiting_line import WaitingLine
from headrace.client.client import AsyncClient
from headrace.client.conversation import FINISHED, Conversation
from headrace.client.errors import HeadraceError, ProblemAnswerError
from headrace.client.models import JobShown, kind_of
from shared.contract.codec import EventObject
from shared.domain.interaction import Interaction
from shared.domain.record import JobRecord

DETACH = b"\x1d"
"""Ctrl-]"""
LAST_KEYS_S = 2.0
"""How long detaching waits until the keys before it are sent."""
ENDED = "urn:headrace:problem:input-ended"
MISMATCH = "urn:headrace:problem:input-mismatch"
KEY_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a command talks with a job."""

    as_json: bool = False
    cancels: bool = True
    """Whether Ctrl-C cancels the job, before it runs or where it has no terminal."""
    may_detach: bool = True
    """Whether the job can go on without this command."""


class NotInteractiveError(HeadraceError):
    """The job reads nothing while it runs."""


def terminal_now() -> dict[str, int] | None:
    """The terminal that a submission asks for: of the size of ours; None if there is none."""
    descriptor = our_input()
    if descriptor is None or not is_on_terminal():
        return None
    columns, rows = window_size(descriptor)
    return {"columns": columns, "rows": rows}


async def run_interactive(
    client: AsyncClient,
    submission: dict[str, Any],
    *,
    key: str | None,
    line: WaitingLine,
    manner: Manner,
) -> JobRecord | None:
    """Submit, talk, and return the finished job; None if it was left."""
    terminal = None if manner.as_json else terminal_now()
    line.tell("submitting")
    async with client.interact({**submission, "terminal": terminal}, key=key) as conversation:
        return await Talk(client, conversation, line, manner).until_end()


async def join(client: AsyncClient, job_id: str, *, line: WaitingLine, as_json: bool) -> JobRecord | None:
    """Talk with a job that was submitted before. Raises NotInteractiveError."""
    async with client.interact(job_id) as conversation:
        if not isinstance(conversation.job.interactive, Interaction):
            raise NotInteractiveError(
                f"{job_id} is not interactive: `headrace logs -f {job_id}` shows what it prints"
            )
        manner = Manner(as_json=as_json, cancels=False)
        return await Talk(client, conversation, line, manner).until_end()


class Talk:
    """One command's part in a conversation."""

    def __init__(
        self, client: AsyncClient, conversation: Conversation, line: WaitingLine, manner: Manner
    ) -> None:
        """Nothing is read or shown yet."""
        self._client = client
        self._conversation = conversation
        self._line = line
        self._manner = manner
        self._input = our_input()
        self._size = _size_of(conversation.job)
        self._raw = ExitStack()
        self._is_raw = False
        self._said = ""
        self._left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._keys: set[asyncio.Task[Any]] = set()
        self._resizing = asyncio.Lock()
        self._printer = Printer(
            sys.stdout.buffer, sys.stderr.buffer, before=line.close, is_live=True, line_end=self._line_end
        )

    async def until_end(self) -> JobRecord | None:
        """Talk until the job has ended, and show how; None if it was left with Ctrl-]."""
        with self._raw:
            # All of a finished job is in its result.
            is_over = self._conversation.job.is_finished or await self._talk()
        self._is_raw = False
        job_id = self._conversation.job.job_id
        if not is_over:
            self._line.close()
            back = f"headrace attach {job_id}"
            sys.stderr.write(f"\nheadrace: the program goes on; to come back: {back}\n")
            return None
        ended = await self._client.get(job_id)
        self._line.close()
        if self._manner.as_json:
            print_json(ended)
        else:
            self._printer.finish(ended.result)
            explain(ended)
        return ended

    async def _talk(self) -> bool:
        """Whether the job has ended."""
        loop = asyncio.get_running_loop()
        if self._manner.cancels:
            loop.add_signal_handler(signal.SIGINT, self._cancel_soon)
        if self._has_keyboard:
            loop.add_signal_handler(signal.SIGWINCH, self._resize_soon)
        showing = asyncio.create_task(self._show())
        if not self._has_keyboard:
            self._do(self._pass_on())
        try:
            await asyncio.wait({showing, self._left}, return_when=asyncio.FIRST_COMPLETED)
            if self._left.done():
                self._left.result()
                return False
            showing.result()
            return True
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGWINCH)
            left = {showing, *self._tasks}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            self._left.cancel()

    @property
    def _has_keyboard(self) -> bool:
        """Whether keys go to the job as they are pressed: both sides have a terminal."""
        return self._size is not None and is_on_terminal() and not self._manner.as_json

    async def _show(self) -> None:
        job = self._conversation.job
        events = self._client.follow(job.job_id)
        async with show_job(self._line, self._client, job) as job_line, aclosing(events):
            async for event in events:
                self._show_event(event, job_line)

    def _show_event(self, event: EventObject, job_line: JobLine) -> None:
        # Before it runs, Ctrl-C must reach this command, as the program does not read it.
        if kind_of(event) == "running" and self._has_keyboard and not self._is_raw:
            self._take_keyboard()
        job_line.show(event)
        if not self._manner.as_json:
            self._printer.show(event)

    def _take_keyboard(self) -> None:
        if self._input is None:
            return
        self._raw.enter_context(raw_mode(self._input))
        self._is_raw = True
        self._resize_soon()
        self._do(self._type(self._input))

    async def _type(self, descriptor: int) -> None:
        async with aclosing(pieces_of(descriptor)) as pieces:
            async for keys in pieces:
                before, detach, _ = keys.partition(DETACH)
                if before:
                    sending = self._do(self._send(before))
                    self._keys.add(sending)
                    sending.add_done_callback(self._keys.discard)
                if not detach:
                    continue
                if self._manner.may_detach:
                    if self._keys:
                        await asyncio.wait(self._keys, timeout=LAST_KEYS_S)
                    if not self._left.done():
                        self._left.set_result(None)
                    return
                self._say("the stack ends with this command, and the program with it")
                self._cancel_soon()

    async def _send(self, keys: bytes) -> None:
        for left in reversed(range(KEY_TRIES)):
            try:
                await self._conversation.send(keys)
            except HeadraceError as error:
                if left and _is(error, [MISMATCH]):
                    # Another command types as well: these keys come after its own.
                    continue
                if not _is(error, [FINISHED]):
                    self._say(str(error))
            return

    async def _pass_on(self) -> None:
        """Give the program our standard input as it comes, and its end."""
        try:
            if self._input is not None:
                async with aclosing(pieces_of(self._input)) as pieces:
                    async for piece in pieces:
                        await self._conversation.send(piece)
            await self._conversation.end()
        except HeadraceError as error:
            if _is(error, [FINISHED, ENDED]):
                return
            if self._manner.cancels:
                # A program that lacks a part of its input must not take it for all of it.
                await self._cancel()
            raise

    def _resize_soon(self) -> None:
        self._do(self._resize())

    async def _resize(self) -> None:
        async with self._resizing:
            if self._input is None or (size := window_size(self._input)) == self._size:
                return
            self._size = size
            try:
                await self._conversation.resize(*size)
            except HeadraceError as error:
                if not _is(error, [FINISHED]):
                    self._say(str(error))

    def _cancel_soon(self) -> None:
        self._do(self._cancel())

    async def _cancel(self) -> None:
        try:
            await self._client.cancel(self._conversation.job.job_id)
        except HeadraceError as error:
            if not _is(error, [FINISHED]):
                self._say(str(error))

    def _say(self, text: str) -> None:
        """One line on standard error; each text once."""
        if text == self._said:
            return
        self._said = text
        self._line.close()
        sys.stderr.buffer.write(b"headrace: " + text.encode() + self._line_end())
        sys.stderr.buffer.flush()

    def _line_end(self) -> bytes:
        return b"\r\n" if self._is_raw else b"\n"

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._settle)
        return task

    def _settle(self, task: asyncio.Task[None]) -> None:
        """What a task raises ends the conversation."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._left.done():
            self._left.set_exception(error)


def _size_of(job: JobShown) -> tuple[int, int] | None:
    """The size of the job's terminal when it was submitted; None if it has none."""
    if not isinstance(job.interactive, Interaction) or job.interactive.terminal is None:
        return None
    return job.interactive.terminal.columns, job.interactive.terminal.rows


def _is(error: HeadraceError, kinds: Sequence[str]) -> bool:
    return isinstance(error, ProblemAnswerError) and error.document.get("type") in kinds
