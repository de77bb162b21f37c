"""Ids of connections and of clients' messages, such as `conn_20260102T120000Z_3f9c2a7be1d04c68`."""

from datetime import datetime
from secrets import token_hex
from typing import Literal

RANDOM_BYTES = 8


def new_id(kind: Literal["conn", "req"], now: datetime) -> str:
    """A new id; `now` is in UTC."""
    return f"{kind}_{now:%Y%m%dT%H%M%SZ}_{token_hex(RANDOM_BYTES)}"
