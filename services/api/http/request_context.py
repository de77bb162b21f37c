"""Context of a request: its id and its trace."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request

from shared.domain.decisions import CommandContext

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The id under which a request is found in logs and events, and its W3C trace, if it has one."""

    request_id: str
    trace: str | None

    def moment(self) -> CommandContext:
        """The current time, with this request."""
        return CommandContext(datetime.now(UTC), self.request_id, self.trace)


def context_of(request: Request) -> RequestContext:
    """The context of the current request."""
    trace = request.headers.get("traceparent", "")
    return RequestContext(request.state.request_id, trace if _TRACEPARENT.fullmatch(trace) else None)
