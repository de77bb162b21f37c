"""Reasons to close a connection before its request reaches a route, and their responses."""

import json
import uuid
from dataclasses import dataclass
from http import HTTPStatus

from shared.contract import problems
from shared.contract.problems import MEDIA_TYPE, Problem, ProblemType
from shared.observability import metrics
from shared.service.problem_response import document_of

RETRY_AFTER_S = 2


@dataclass(frozen=True, slots=True)
class Refusal:
    """`why` is the metric's label. Without a `kind` the connection is closed without a response."""

    why: str
    kind: ProblemType | None
    detail: str = ""
    retries: bool = False

    def answer(self, request_id: str | None = None) -> bytes:
        """The whole response, after which the connection is closed."""
        if self.kind is None:
            return b""
        request_id = request_id or uuid.uuid4().hex
        body = json.dumps(document_of(Problem(self.kind, self.detail), request_id)).encode()
        status = HTTPStatus(self.kind.status)
        retry = f"retry-after: {RETRY_AFTER_S}\r\n" if self.retries else ""
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\nlink: {self.kind.link}\r\n"
            f"{retry}connection: close\r\n\r\n"
        )
        return head.encode() + body

    def count(self) -> None:
        """Count one connection closed for this reason."""
        metrics.HTTP_REFUSED.labels(why=self.why).inc()


MALFORMED = Refusal("malformed", problems.BAD_REQUEST, "this is not HTTP/1.1")
HOST = Refusal("host", problems.BAD_REQUEST, "send exactly one valid Host field")
HANDSHAKE = Refusal("handshake", problems.BAD_REQUEST, "this is no WebSocket handshake")
LONG_LINE = Refusal("line_bytes", problems.URI_TOO_LONG, "the address is too long")
LONG_HEADER = Refusal("header_bytes", problems.HEADERS_TOO_LARGE, "a header field is too long")
LONG_HEAD = Refusal("head_bytes", problems.HEADERS_TOO_LARGE, "the header fields together are too long")
MANY_HEADERS = Refusal("headers", problems.HEADERS_TOO_LARGE, "there are too many header fields")
CHUNK_OVERHEAD = Refusal("chunk_overhead", problems.TOO_LARGE, "the body's chunks hold nearly nothing")
SILENT = Refusal("first_byte", None)
SLOW_HEAD = Refusal("head_time", problems.TOO_SLOW, "the header fields took too long")
SLOW_BODY = Refusal("body_time", problems.TOO_SLOW, "the body took too long")
STALLED_BODY = Refusal("body_rate", problems.TOO_SLOW, "the body came too slowly")
STALLED_READER = Refusal("answer_rate", None)
PIPELINED = Refusal("pipelined", None)
FLOOD = Refusal("frames", None)
GAVE_WAY = Refusal("gave_way", None)
FULL = Refusal(
    "connections", problems.TOO_MANY_CONNECTIONS, "too many connections: try again later", retries=True
)
FULL_ADDRESS = Refusal(
    "address_connections",
    problems.TOO_MANY_CONNECTIONS,
    "too many connections of this address without a token",
    retries=True,
)
FULL_ADDRESS_BYTES = Refusal(
    "address_bytes",
    problems.TOO_MANY_CONNECTIONS,
    "too many unfinished requests of this address",
    retries=True,
)
FULL_BYTES = Refusal(
    "unknown_bytes", problems.TOO_MANY_CONNECTIONS, "too many unfinished requests", retries=True
)
TUNNELS = Refusal(
    "tunnels", problems.TOO_MANY_CONNECTIONS, "too many connections for events: try again later", retries=True
)
EVENTS = Refusal(
    "events", problems.UNAVAILABLE, "the notifier does not answer: try again later", retries=True
)
LOOP = Refusal("loop", problems.UNAVAILABLE, "HEADRACE_API_EVENTS_UPSTREAM names an api, not a notifier")

ALL = (
    *(MALFORMED, HOST, HANDSHAKE, LONG_LINE, LONG_HEADER, LONG_HEAD, MANY_HEADERS, CHUNK_OVERHEAD),
    *(SILENT, SLOW_HEAD, SLOW_BODY, STALLED_BODY, STALLED_READER, PIPELINED, FLOOD, GAVE_WAY),
    *(FULL, FULL_ADDRESS, FULL_ADDRESS_BYTES, FULL_BYTES, TUNNELS, EVENTS, LOOP),
)
"""Every reason."""
