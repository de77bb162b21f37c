"""``headrace erase USER``: has the service forget one user, asking again until it is done.

The token needs the scope `ops`. Jobs that still run are stopped first, so it may take some seconds.
"""

import asyncio
from collections.abc import Callable

from headrace.client.client import AsyncClient
from headrace.client.errors import HeadraceError
from headrace.client.models import Erasure

PAUSE_S = 1.0


class NotErasedError(HeadraceError):
    """It was not done in time; whatever was done stays done, and it may be asked again."""


async def erase_user(
    client: AsyncClient,
    user_id: str,
    *,
    tell: Callable[[Erasure], None] = lambda _: None,
    patience_s: float = 300.0,
) -> Erasure:
    """The last answer, which lists what remains; `tell` is given every one. Raises HeadraceError."""
    try:
        async with asyncio.timeout(patience_s):
            while True:
                answer = await client.erase(user_id)
                tell(answer)
                if answer.is_done:
                    return answer
                await asyncio.sleep(PAUSE_S)
    except TimeoutError as error:
        raise NotErasedError(f"{user_id!r} was not erased within {patience_s:.0f} s") from error
