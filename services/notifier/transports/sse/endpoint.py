"""The endpoint of Server-Sent Events: which client asks for what, and whether there is a place for it."""

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.notifier.connections.auth import ExtractCredentials, bearer_token, record_caller
from services.notifier.connections.close import RESTARTING
from services.notifier.connections.registry import TOO_MANY_OF_USER, ClientRegistry
from services.notifier.connections.transport import Transport
from services.notifier.events.position import parse_after
from services.notifier.problems import answer_problem, authenticate
from services.notifier.transports.sse.problems import restarting, too_many
from services.notifier.transports.sse.session import StreamRequest, StreamSession
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.contract.subjects import is_job_id
from shared.service.http_server.chunks import CHUNKS, ChunkWriter

EVERY_JOB = "*"


def transport(registry: ClientRegistry, extract_credentials: ExtractCredentials = bearer_token) -> Transport:
    """`/v1/stream`. `extract_credentials` finds the token in the request's headers."""
    return Transport([StreamEndpoint(registry, extract_credentials).route()])


class StreamEndpoint:
    """Every stream of this process."""

    def __init__(self, registry: ClientRegistry, extract_credentials: ExtractCredentials) -> None:
        """Nothing happens yet."""
        self._registry = registry
        self._extract_credentials = extract_credentials

    def route(self) -> Route:
        """The endpoint, which pages of the listed origins may read, and no others."""
        cors = Middleware(
            CORSMiddleware,
            allow_origins=sorted(self._registry.settings.origins),
            allow_methods=["GET"],
            allow_headers=["Authorization", "Last-Event-ID"],
            expose_headers=["Link", "Retry-After", "WWW-Authenticate"],
        )
        return Route("/v1/stream", self, middleware=[cors])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Problems are answered here, inside what adds the headers for other origins."""
        try:
            response = await self._serve(Request(scope), receive, send)
        except ProblemError as error:
            response = answer_problem(error)
        if response is not None:
            await response(scope, receive, send)

    async def _serve(self, request: Request, receive: Receive, send: Send) -> Response | None:
        if request.method != "GET":
            raise ProblemError(problems.METHOD_NOT_ALLOWED, "a stream is read", headers={"Allow": "GET"})
        wanted = await self._parse_request(request)
        refusal = self._registry.find_refusal()
        if refusal is not None:
            raise restarting() if refusal.cause == RESTARTING else too_many(refusal.reason)
        chunks: ChunkWriter | None = request.scope["state"].get(CHUNKS)
        session = StreamSession(self._registry, wanted, receive, send, chunks)
        if not session.connection.join(wanted.grant, request.scope):
            raise too_many(TOO_MANY_OF_USER.reason)
        self._registry.enter(session.connection)
        try:
            return await session.run()
        finally:
            self._registry.exit(session.connection)
            record_caller(request.scope, session.connection.id, session.connection.user_id)

    async def _parse_request(self, request: Request) -> StreamRequest:
        """Raises ProblemError."""
        grant = await authenticate(
            request, self._registry.tokens, extract_credentials=self._extract_credentials
        )
        job_id = request.query_params.get("job_id", EVERY_JOB)
        if job_id != EVERY_JOB and not is_job_id(job_id):
            raise ProblemError(problems.UNKNOWN_JOB, "you have no job of this id")
        # A browser comes back with the address of the first time, and tells in the header how far it came.
        last_seen = request.headers.get("last-event-id") or None
        text = last_seen or request.query_params.get("after")
        of_job = None if job_id == EVERY_JOB else job_id
        after = parse_after(text, of_one_job=of_job is not None)
        if after is None:
            raise ProblemError(problems.BAD_CURSOR, "it is neither the id of an event, nor 'start' or 'now'")
        return StreamRequest(grant, of_job, after, is_resumed=last_seen is not None)
