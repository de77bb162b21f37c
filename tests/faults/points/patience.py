"""Waiting on a busy machine: for an answer, and for what tells nobody when it comes about."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from shared.jetstream.errors import UnreachableError

LOOK_S = 0.05
"""Between two looks at what tells nobody when it changes."""

WorkT = TypeVar("WorkT")


async def patiently(work: Callable[[], Awaitable[WorkT]]) -> WorkT:
    """Do what may be done twice, until it is answered. The caller bounds the time."""
    while True:
        with suppress(UnreachableError):
            return await work()
        await asyncio.sleep(LOOK_S)


async def until(asked: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so. The caller bounds the time."""
    while True:
        if await patiently(asked):
            return
        await asyncio.sleep(LOOK_S)
