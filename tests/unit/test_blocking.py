"""The client without an event loop: what Ctrl-C leaves behind, whenever it comes."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from contextlib import aclosing
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

from headrace.blocking import Client


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
