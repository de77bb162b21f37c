"""Where the dialect is mounted, and what it answers where there is no run to watch."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from services.notifier.connections.auth import record_caller
from services.notifier.connections.registry import ClientRegistry
from services.notifier.connections.transport import Transport
from services.notifier.transports.websocket.writer import refuse
from tests.dialect.notifier.encoding import code_of
from tests.dialect.notifier.session import RunsSession


def transport(registry: ClientRegistry) -> Transport:
    """`/runs/watch`, in an application of its own, so that its errors have its own shape."""

    async def serve(websocket: WebSocket) -> None:
        refusal = registry.find_refusal()
        if refusal is not None:
            await refuse(websocket, None, code_of(refusal), refusal.reason)
            return
        session = RunsSession(websocket, registry)
        registry.enter(session.connection)
        try:
            await websocket.accept()
            await session.run(extract_credentials(websocket.headers))
        except WebSocketDisconnect:
            return
        finally:
            registry.exit(session.connection)
            record_caller(websocket.scope, session.connection.id, session.connection.user_id)

    routes = [WebSocketRoute("/watch", serve)]
    return Transport([Mount("/runs", Starlette(routes=routes, exception_handlers={HTTPException: _oops}))])


def extract_credentials(headers: Headers) -> str | None:
    """The token, in a header of the dialect."""
    return headers.get("x-api-token")


async def _oops(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"oops": HTTPStatus(error.status_code).phrase}, error.status_code)
