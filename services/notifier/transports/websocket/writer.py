"""Writes what is queued for one client to its WebSocket, and the close frame after it."""

from collections.abc import Callable, Coroutine

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.notifier.connections.client_connection import ClientConnection
from services.notifier.connections.close import Close
from services.notifier.connections.outbox import Outbox
from services.notifier.transports.websocket.flow import FlowProtocol, flow_of

CodeOf = Callable[[Close], int]
"""The close code of a transport for the end of a connection."""


async def run_connection(
    websocket: WebSocket, connection: ClientConnection, reading: Coroutine[None, None, None], code_of: CodeOf
) -> None:
    """Read and write until the socket is closed, or cannot be closed in time."""
    flow = flow_of(websocket.scope)
    try:
        await connection.run(reading, _write(websocket, flow, connection.outbox, code_of))
    finally:
        flow.give_up()


async def _write(websocket: WebSocket, flow: FlowProtocol, outbox: Outbox, code_of: CodeOf) -> None:
    outbox.send_now = flow.send_now
    try:
        while not isinstance(taken := await outbox.take(), Close):
            await flow.send_text(taken, outbox.mark_progress)
            outbox.mark_sent()
        await websocket.close(code_of(taken), taken.reason)
    except (WebSocketDisconnect, RuntimeError):
        # RuntimeError is how starlette and uvicorn refuse to send on a socket that is closed already.
        return


async def refuse(websocket: WebSocket, subprotocol: str | None, code: int, reason: str) -> None:
    """Accept a handshake and close at once: a browser cannot see why an HTTP answer refused it."""
    try:
        await websocket.accept(subprotocol=subprotocol)
        await websocket.close(code, reason)
    except WebSocketDisconnect:
        return
