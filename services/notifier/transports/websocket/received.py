"""Messages that one client has sent and the application has not taken yet.

It is what uvicorn uses of `asyncio.Queue`, for one reader: that one makes four deques, 3 KiB of every idle
connection. uvicorn bounds it: nothing is read from the socket while a message waits.
"""

import asyncio
from typing import Any


class ReceivedMessages:
    """ASGI events in the order in which they came."""

    def __init__(self) -> None:
        """Begin empty."""
        self._messages: list[Any] = []
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        """Whether none waits."""
        return not self._messages

    def put_nowait(self, message: Any) -> None:  # noqa: ANN401 - ASGI's
        """Add one."""
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Any:  # noqa: ANN401 - ASGI's
        """Take the oldest; wait for one if there is none. Only one task may wait."""
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._messages.pop(0)
