"""Which Headrace the command line talks to: the one it is told of, or this directory's own."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headrace.client import Endpoint
from headrace.local.stack import Address, StackError, find, tokens_of

LOCAL_USER = "local"
TOKEN_LIFETIME = timedelta(hours=12)


def endpoint(directory: Path, user: str = LOCAL_USER) -> Endpoint:
    """From HEADRACE_API_URL and HEADRACE_TOKEN, else the stack in `directory`. Raises StackError."""
    url = os.environ.get("HEADRACE_API_URL")
    if url is not None:
        token = os.environ.get("HEADRACE_TOKEN")
        if token is None:
            raise StackError("HEADRACE_API_URL is set, so HEADRACE_TOKEN must be as well")
        websocket = os.environ.get("HEADRACE_WEBSOCKET_URL") or "ws" + url.removeprefix("http") + "/v1/ws"
        return Endpoint(url, websocket, token)
    address = find(directory)
    if address is None:
        raise StackError(f"no stack runs in {directory}: start one with 'headrace up'")
    return local_endpoint(directory, address, user)


def local_endpoint(directory: Path, address: Address, user: str = LOCAL_USER) -> Endpoint:
    """A running stack of this machine, with a fresh token."""
    token = issue(directory, user)
    return Endpoint(address.api_url, address.websocket_url, token)


def issue(
    directory: Path, user: str, lifetime: timedelta = TOKEN_LIFETIME, scopes: frozenset[str] | None = None
) -> str:
    """A token for this machine's stack. Raises StackError, SubjectError."""
    return tokens_of(directory).issue(
        user, lifetime=lifetime, now=datetime.now(UTC), scopes=scopes or frozenset({"jobs"})
    )
