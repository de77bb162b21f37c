"""What the two halves of the dialect `connections` agree on: how a job names a connection, and its result."""

import re
import secrets
from datetime import datetime

from shared.dialects.results import result_of
from shared.domain.record import JobRecord

NAME = "connections"
CONNECTION_ID = "connection_id"
"""The label of a job that names the connection which is told its result."""

RANDOM_BYTES = 16
_ID = re.compile(r"conn_\d{8}T\d{6}Z_[0-9a-f]{32}", re.ASCII)


def new_connection_id(now: datetime) -> str:
    """An unguessable id: `conn_20260102T120000Z_` and 128 random bits. `now` is UTC."""
    return f"conn_{now:%Y%m%dT%H%M%SZ}_{secrets.token_hex(RANDOM_BYTES)}"


def is_connection_id(text: str) -> bool:
    """Whether a text has the form of such an id."""
    return _ID.fullmatch(text) is not None


def execution_fields(job: JobRecord) -> dict[str, object]:
    """The result of a job that has ended. Clients iterate over `security_violations`, so it is a list."""
    return {**result_of(job), "security_violations": []}
