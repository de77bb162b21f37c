"""What every request of a known caller passes first: its quota, which every answer tells."""

from fastapi import Request

from services.api.context import AnyCallerOf
from services.api.parts import parts_of


async def admitted(request: Request, caller: AnyCallerOf) -> None:
    """Count the request. Raises ProblemError (429)."""
    request.state.headers = parts_of(request).quotas.admit(caller)
