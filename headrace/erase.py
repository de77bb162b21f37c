"""``headrace erase --user U``: has the service forget one user, asking again until it is done.

The token needs the scope `ops`. Jobs that still run are stopped first, so it may take some seconds.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

from headrace.client import Endpoint, HeadraceError, ProblemAnswerError, UnreachableError

PAUSE_S = 1.0
TIMEOUT_S = 60.0


class NotErasedError(HeadraceError):
    """It was not done in time; whatever was done stays done, and it may be asked again."""


async def erase_user(
    endpoint: Endpoint,
    user_id: str,
    *,
    tell: Callable[[dict[str, Any]], None] = lambda _: None,
    patience_s: float = 300.0,
) -> dict[str, Any]:
    """The last answer, which lists what remains; `tell` is given every one. Raises HeadraceError."""
    headers = {"Authorization": f"Bearer {endpoint.token}"}
    async with httpx.AsyncClient(base_url=endpoint.api_url, headers=headers, timeout=TIMEOUT_S) as http:
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    answer = await _ask(http, user_id)
                    tell(answer)
                    if answer["is_done"]:
                        return answer
                    await asyncio.sleep(PAUSE_S)
        except TimeoutError as error:
            raise NotErasedError(f"{user_id!r} was not erased within {patience_s:.0f} s") from error


async def _ask(http: httpx.AsyncClient, user_id: str) -> dict[str, Any]:
    try:
        answer = await http.delete(f"/v1/users/{quote(user_id, safe='')}")
        found: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise UnreachableError(f"no answer: {error!r}") from error
    if not answer.is_success:
        raise ProblemAnswerError(found)
    return found
