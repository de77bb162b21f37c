"""What operators may ask the notifier: who is connected to this process, and how they fare."""

from itertools import islice

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.notifier.connections.info import ConnectionList
from services.notifier.connections.registry import ClientRegistry
from services.notifier.problems import authenticate
from shared.auth import SCOPE_OPS
from shared.contract import problems
from shared.contract.problems import ProblemError

LIMIT = 100
LIMIT_MAX = 1_000


class Operations:
    """The endpoints with the scope `ops`."""

    def __init__(self, registry: ClientRegistry) -> None:
        """Nothing happens yet."""
        self._registry = registry

    def route(self) -> Route:
        """`GET /v1/connections?user_id=…&limit=…`."""
        return Route("/v1/connections", self._connections, methods=["GET"])

    async def _connections(self, request: Request) -> Response:
        await authenticate(request, self._registry.tokens, SCOPE_OPS)
        user_id = request.query_params.get("user_id")
        limit = _limit(request.query_params.get("limit", str(LIMIT)))
        found = [one for one in self._registry.records() if user_id in {None, one.user_id}]
        body = ConnectionList(total=len(found), connections=tuple(islice(found, limit)))
        return Response(msgspec.json.encode(body), media_type="application/json")


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= LIMIT_MAX):
        raise ProblemError(problems.BAD_REQUEST, f"limit is a number from 1 to {LIMIT_MAX}")
    return int(text)
