"""The endpoint of Server-Sent Events: who asks for what, and whether there is a place for it."""

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.notifier.connections.auth import caller_of, remember
from services.notifier.connections.registry import ClientRegistry
from services.notifier.problems import answer_problem, restarting, too_many
from services.notifier.transports.headrace_v1.messages import EVERY_JOB
from services.notifier.transports.headrace_v1.protocol import begin_after
from services.notifier.transports.sse.session import Asked, Stream
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.contract.subjects import is_job_id
from shared.service.http_server.accepted import count_connection


class Streams:
    """Every stream of this process."""

    def __init__(self, members: ClientRegistry) -> None:
        """Nothing happens yet."""
        self._members = members

    def route(self) -> Route:
        """The endpoint, which pages of the listed origins may read, and no others."""
        cors = Middleware(
            CORSMiddleware,
            allow_origins=sorted(self._members.settings.origins),
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
        asked = await self._asked(request)
        if self._members.is_closing:
            raise restarting()
        if self._members.is_full():
            raise too_many("too many connections: try again later")
        stream = Stream(self._members, asked, receive, send)
        is_counted = count_connection(request.scope, asked.grant.user_id)
        if not is_counted or not stream.peer.join(asked.grant):
            raise too_many("too many connections of this user")
        self._members.enter(stream.peer)
        try:
            return await stream.run()
        finally:
            self._members.exit(stream.peer)
            remember(request.scope, stream.peer.id, stream.peer.user_id)

    async def _asked(self, request: Request) -> Asked:
        """Raises ProblemError."""
        grant = await caller_of(request, self._members.tokens)
        job_id = request.query_params.get("job_id", EVERY_JOB)
        if job_id != EVERY_JOB and not is_job_id(job_id):
            raise ProblemError(problems.UNKNOWN_JOB, "you have no job of this id")
        # A browser comes back with the address of the first time, and tells in the header how far it came.
        last_seen = request.headers.get("last-event-id") or None
        text = last_seen or request.query_params.get("after")
        of_job = None if job_id == EVERY_JOB else job_id
        after = begin_after(text, of_job)
        if after is None:
            raise ProblemError(problems.BAD_CURSOR, "it is neither the id of an event, nor 'start' or 'now'")
        return Asked(grant, of_job, after, is_resumed=last_seen is not None)
