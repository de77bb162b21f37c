"""Chooses the Headrace to call: the one that is named, or this directory's own."""

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from headrace.client.credentials import TokenSource
from headrace.local.place import data_directory
from headrace.local.stack import Address, StackError, find, tokens_of

LOCAL_USER = "local"
OWNERS_JOBS, OWNERS_REQUESTS_PER_S = 50_000, 10_000
TOKEN_LIFETIME = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of the service, and the caller's token. Raises StackError for an invalid address.

    Without a `websocket_url` the api is asked for it.
    """

    api_url: str
    websocket_url: str | None
    token: TokenSource

    def __post_init__(self) -> None:
        """Reject an address that could never be reached."""
        _check(self.api_url, {"http", "https"})
        if self.websocket_url is not None:
            _check(self.websocket_url, {"ws", "wss"})


def named(
    api_url: str | None = None, token: TokenSource | None = None, websocket_url: str | None = None
) -> Endpoint:
    """What is given, else what the environment names, else the local stack. Raises StackError."""
    if api_url is None:
        found = endpoint(data_directory())
        return found if token is None else replace(found, token=token)
    token = token or os.environ.get("HEADRACE_TOKEN")
    if token is None:
        raise StackError(f"who calls {api_url}? Give a token, or set HEADRACE_TOKEN")
    return Endpoint(api_url, websocket_url, token)


def endpoint(directory: Path, user: str = LOCAL_USER, scope: str | None = None) -> Endpoint:
    """From HEADRACE_API_URL and HEADRACE_TOKEN, else the stack in `directory`. Raises StackError.

    The local stack's token has this scope and no other; without one, that for jobs.
    """
    url = os.environ.get("HEADRACE_API_URL")
    if url is not None:
        token = os.environ.get("HEADRACE_TOKEN")
        if token is None:
            raise StackError("HEADRACE_API_URL is set, so HEADRACE_TOKEN must be as well")
        return Endpoint(url, os.environ.get("HEADRACE_WEBSOCKET_URL") or None, token)
    address = find(directory)
    if address is None:
        raise StackError(f"no stack runs in {directory}: start one with 'headrace up'")
    # A script may outlive a token, but a process that can read the secret can always issue another.
    return Endpoint(address.api_url, address.websocket_url, partial(_issue_to_owner, directory, user, scope))


def is_elsewhere() -> bool:
    """Whether the environment names a service, so that no directory is looked at."""
    return "HEADRACE_API_URL" in os.environ


def is_named(directory: Path) -> bool:
    """Whether there is an endpoint to use; an invalid one is rejected later."""
    return is_elsewhere() or find(directory) is not None


def local_endpoint(directory: Path, address: Address, user: str = LOCAL_USER) -> Endpoint:
    """A running stack of this machine, with a fresh token."""
    return Endpoint(address.api_url, address.websocket_url, _issue_to_owner(directory, user))


def _issue_to_owner(directory: Path, user: str, scope: str | None = None) -> str:
    """Quotas are for other users of a machine: the machine's owner may use all slots at a time."""
    return tokens_of(directory).issue(
        user,
        lifetime=TOKEN_LIFETIME,
        now=datetime.now(UTC),
        scopes=frozenset({scope or "jobs"}),
        concurrency=os.cpu_count() or 1,
        unfinished_max=OWNERS_JOBS,
        requests_per_s=OWNERS_REQUESTS_PER_S,
    )


def issue(
    directory: Path,
    user: str,
    lifetime: timedelta = TOKEN_LIFETIME,
    scopes: frozenset[str] | None = None,
    concurrency: int = 1,
) -> str:
    """Issue a token for this machine's stack. Raises StackError, SubjectError."""
    return tokens_of(directory).issue(
        user,
        lifetime=lifetime,
        now=datetime.now(UTC),
        scopes=scopes or frozenset({"jobs"}),
        concurrency=concurrency,
    )


def websocket_at(api_url: str, link: str) -> str:
    """The WebSocket address that the api names: a URL, or a path of its own origin. Raises StackError."""
    url = link if "://" in link else api_url.rstrip("/") + link
    _check(url, {"http", "https"})
    return "ws" + url.removeprefix("http")


def _check(url: str, schemes: set[str]) -> None:
    try:
        parts = urlsplit(url)
        if parts.scheme in schemes and parts.hostname and (parts.port is None or parts.port):
            return
    except ValueError:
        pass
    raise StackError(f"{url!r} is no address of a service: it begins with {' or '.join(sorted(schemes))}://")
