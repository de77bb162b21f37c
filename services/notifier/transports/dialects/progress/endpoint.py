"""The sockets of the dialect: at its prefix and at `/api/v1/ws` below it, with what all of them share."""

from starlette.websockets import WebSocket

from services.notifier.connections.registry import ClientRegistry
from services.notifier.connections.transport import Transport
from services.notifier.transports.dialects.endpoint import ROOT, sockets
from services.notifier.transports.dialects.job_reader import JobReader
from services.notifier.transports.dialects.progress.queue_pace import QueuePace
from services.notifier.transports.dialects.progress.session import NAME, ProgressSession, Shared
from services.notifier.transports.dialects.progress.stored_jobs import StoredJobs
from shared.contract.subjects import SubjectError, parse
from shared.jetstream.stored_message import Entry

SOCKET = "/api/v1/ws"


def transport(registry: ClientRegistry) -> Transport:
    """The dialect's half at the notifier."""
    pace = QueuePace()
    shared = Shared(JobReader(registry), StoredJobs(registry.history), pace)

    def take(entry: Entry) -> None:
        try:
            pace.take(parse(entry.subject), entry.stored_at, entry.sequence)
        except SubjectError:
            return  # the live order counts and logs it

    def session_of(websocket: WebSocket, registry: ClientRegistry) -> ProgressSession:
        return ProgressSession(websocket, registry, shared)

    registry.hub.on_logged.append(take)
    return sockets(NAME, registry, session_of, paths=(*ROOT, SOCKET, f"{SOCKET}/"))
