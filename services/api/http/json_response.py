"""JSON responses from the contract's structs."""

from typing import Any

import msgspec
from starlette.responses import Response


def json_answer(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:  # noqa: ANN401 - whatever msgspec can encode
    """A JSON response."""
    return Response(
        msgspec.json.encode(body), status_code=status, headers=headers, media_type="application/json"
    )
