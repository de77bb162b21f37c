"""``headrace erase USER``: erases one user, repeating the request until the erasure is done.

The token needs the scope `ops`. Running jobs are stopped first, so it may take some seconds.
"""

import asyncio
from collections.abc import Callable

from headrace.client.client import AsyncClient
from headrace.client.errors import HeadraceError
from headrace.client.models import Erasure
from shared.retry import poll

ASK_AGAIN_S = 1.0


class NotErasedError(HeadraceError):
    """The erasure was not done in time. What is done stays done, and the request may be repeated."""


async def erase_user(
    client: AsyncClient,
    user_id: str,
    *,
    tell: Callable[[Erasure], None] = lambda _: None,
    patience_s: float = 300.0,
) -> Erasure:
    """The last response, which lists what remains; `tell` receives each one. Raises HeadraceError."""

    async def request() -> Erasure:
        answer = await client.erase(user_id)
        tell(answer)
        return answer

    try:
        async with asyncio.timeout(patience_s):
            return await poll(request, until=lambda answer: answer.is_done, pause_s=ASK_AGAIN_S)
    except TimeoutError as error:
        raise NotErasedError(f"{user_id!r} was not erased within {patience_s:.0f} s") from error
