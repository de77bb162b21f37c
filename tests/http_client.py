"""HTTP to what a test has started."""

import ssl
from typing import Any

import httpx

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here is reached by TLS, and each client of httpx would read all authorities, which takes 40 ms."""


def http_client(**options: Any) -> httpx.AsyncClient:  # noqa: ANN401 - httpx's own
    """A client with these options of httpx's."""
    return httpx.AsyncClient(verify=NO_AUTHORITIES, **options)
