"""One machine's stack on disk: its secrets, and its address while it runs.

Secrets are generated at first start and readable by their owner alone; there are no default ones.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec

from headrace.client.errors import HeadraceError
from shared.auth.issuer import Issuer
from shared.jetstream.permissions import RIGHTS
from shared.settings import TokenSettings

DEFAULT_DIRECTORY = Path(".headrace")
SECRETS = "secrets.json"
LOCK = "lock"
IGNORED = ".gitignore"


class StackError(HeadraceError):
    """The stack cannot be started or found; the message says what to do."""


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """Secrets that must stay on this machine."""

    token_secret: str
    nats_password: str
    """Of the user with all rights, which no service uses."""

    nats_passwords: dict[str, str] = msgspec.field(default_factory=dict)
    """Of each service's user."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running stack listens."""

    api_url: str
    websocket_url: str
    nats_url: str
    supervisor_pid: int
    dialects: dict[str, str] = {}
    """The address of each dialect that has a port of its own."""


def load_secrets(directory: Path) -> Secrets:
    """The stack's secrets; missing ones are generated. Raises StackError."""
    stored = _stored_secrets(directory)
    if stored is None:
        stored = Secrets(token_secret=secrets.token_urlsafe(48), nats_password=secrets.token_urlsafe(32))
    elif stored.nats_passwords.keys() >= RIGHTS.keys():
        return stored
    generated = {user: secrets.token_urlsafe(32) for user in RIGHTS}
    made = msgspec.structs.replace(stored, nats_passwords={**generated, **stored.nats_passwords})
    _store(directory / SECRETS, made)
    return made


def _stored_secrets(directory: Path) -> Secrets | None:
    path = directory / SECRETS
    try:
        return msgspec.json.decode(path.read_bytes(), type=Secrets)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StackError(f"{path} cannot be read: {error}") from error


def _store(path: Path, made: Secrets) -> None:
    """Write atomically: losing the secrets would lose the passwords of the stack's data."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(made))
    fresh.replace(path)


def tokens_of(directory: Path) -> Issuer:
    """The issuer of this machine's stack's tokens. Raises StackError."""
    stored = _stored_secrets(directory)
    if stored is None:
        raise StackError(f"there is no stack in {directory}: start one with 'headrace up'")
    return Issuer(TokenSettings(token_secret=stored.token_secret))


def _make(directory: Path) -> None:
    """Make the directory, ignored by git. An existing one is not changed, unless it is `.headrace`."""
    is_fresh = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    ignored = directory / IGNORED
    if (is_fresh or directory.name == DEFAULT_DIRECTORY.name) and not ignored.exists():
        ignored.write_text("*\n")


@contextlib.contextmanager
def claim(directory: Path) -> Iterator[None]:
    """Be the only supervisor of this directory. Raises StackError if another one runs, or none can."""
    try:
        _make(directory)
        opened = (directory / LOCK).open("w")
    except OSError as error:
        raise StackError(f"no stack can be kept in {directory} (--data): {error.strerror}") from error
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(f"a stack runs already in {directory}") from error
        yield


@contextlib.contextmanager
def announce(directory: Path, address: Address) -> Iterator[None]:
    """Publish the stack's address for `find` while the context is open."""
    path = directory / "stack.json"
    path.write_bytes(msgspec.json.encode(address))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def find(directory: Path) -> Address | None:
    """Where this directory's stack listens; None if none runs, even if a dead one left its file."""
    try:
        address = msgspec.json.decode((directory / "stack.json").read_bytes(), type=Address)
        return address if is_claimed(directory) else None
    except (OSError, msgspec.MsgspecError):
        return None


def is_claimed(directory: Path) -> bool:
    """Whether a supervisor holds this directory, also while its stack starts or ends."""
    try:
        lock = (directory / LOCK).open("r+")
    except OSError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
