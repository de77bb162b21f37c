"""The client without an event loop: what Ctrl-C leaves behind, whenever it comes."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from contextlib import aclosing
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

from headrace.client.client import AsyncClient
from headrace.client.errors import UnreachableError, UsageError
from headrace.client.sync_client import Client


class Endless:
    """Generators one within the other, as `stream` has them, that tell of their end."""

    def __init__(self) -> None:
        self.began = 0
        self.ended = 0

    async def inner(self) -> AsyncGenerator[int, None]:
        self.began += 1
        try:
            await asyncio.Event().wait()
            yield 1
        finally:
            await asyncio.sleep(0)
            self.ended += 1

    async def outer(self) -> AsyncGenerator[int, None]:
        async with aclosing(self.inner()) as items:
            async for item in items:
                yield item


@pytest.mark.parametrize("is_handed_over", [True, False])
def test_ctrl_c_while_a_question_is_handed_over(
    monkeypatch: pytest.MonkeyPatch, is_handed_over: bool
) -> None:
    """The question has gone to the other thread, or not yet, and the answer is in nobody's hands."""
    endless = Endless()
    with Client("http://127.0.0.1:1", "token") as client:
        hand_over = BlockingPortal.start_task_soon

        def interrupted(portal: BlockingPortal, work: Callable[..., Any], *given: Any) -> Future[Any]:  # noqa: ANN401 - anyio's own
            monkeypatch.undo()
            if is_handed_over:
                hand_over(portal, work, *given)
            raise KeyboardInterrupt

        monkeypatch.setattr(BlockingPortal, "start_task_soon", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(client._each(endless.outer()))  # noqa: SLF001 - as `stream` does
        assert endless.ended == endless.began == is_handed_over


def test_a_client_that_is_not_open_says_how_it_is_opened() -> None:
    client = Client("http://127.0.0.1:1", "token", patience_s=0)
    uses: list[Callable[[], object]] = [
        lambda: client.run({"language": "python", "code": ""}),
        lambda: client.get("job"),
        lambda: next(client.every_job()),
        lambda: next(client.follow()),
        lambda: next(client.artifact("job", "file")),
        lambda: next(client.replay()),
    ]
    for use in uses:
        with pytest.raises(UsageError, match=r"use it within `with Client\(\) as client:`"):
            use()
    with client:
        with pytest.raises(UnreachableError):
            client.get("job")
        with pytest.raises(UsageError, match="open already"), client:
            pass
        # The refusal has closed nothing.
        with pytest.raises(UnreachableError):
            client.get("job")
    for use in uses:
        with pytest.raises(UsageError, match="not open"):
            use()
    with client, pytest.raises(UnreachableError):
        client.get("job")


def test_a_function_that_the_client_calls_cannot_call_it() -> None:
    def token() -> str:
        client.get("job")
        return "token"

    with (
        Client("http://127.0.0.1:1", token, patience_s=0) as client,
        pytest.raises(UsageError, match="wait for itself"),
    ):
        client.languages()


async def test_a_client_works_beside_a_running_loop() -> None:
    with Client("http://127.0.0.1:1", "token", patience_s=0) as client, pytest.raises(UnreachableError):
        client.get("job")


FORKED = """
import os, sys
from headrace import Client, UsageError
with Client("http://127.0.0.1:1", "token", patience_s=0) as client:
    child = os.fork()
    if not child:
        try:
            client.get("job")
        except UsageError as error:
            print(error, flush=True)
    else:
        assert os.waitpid(child, 0)[1] == 0
if not child:
    # As multiprocessing ends the processes that it forks.
    os._exit(0)
print("parent", flush=True)
"""


async def test_a_client_is_not_taken_along_by_a_fork() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FORKED, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert out.decode().splitlines() == [
        "this client was opened before the process was forked: open another one",
        "parent",
    ]


async def test_a_client_for_event_loops_says_the_same() -> None:
    client = AsyncClient("http://127.0.0.1:1", "token", patience_s=0)
    for _ in range(2):
        with pytest.raises(UsageError, match="use it within `async with"):
            await client.run({"language": "python", "code": ""})
        with pytest.raises(UsageError, match="use it within `async with"):
            await anext(client.follow())
        async with client:
            with pytest.raises(UnreachableError):
                await client.get("job")
            with pytest.raises(UsageError, match="open already"):
                await client.__aenter__()
            elsewhere = asyncio.to_thread(asyncio.run, client.get("job"))
            with pytest.raises(UsageError, match="another event loop"):
                await elsewhere
