"""A history in a file: a header, the events in the audit's form, and a trailer that proves it complete.

One JSON object a line. The trailer holds the number of events and the SHA-256 of every byte before it. That
detects damage, not tampering: an editor of the file can make a new trailer, and then only the rules of a job
and the log itself can tell (`headrace.history.check`).
"""

import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO, TypeVar

import msgspec

from headrace.client.errors import HeadraceError
from shared.contract.codec import EventObject
from shared.domain.contract_struct import ContractStruct

FORMAT = "headrace-history"
VERSION = 1
LINE_BYTES_MAX = 64 * 1024 * 1024
"""More than any event can be: the log takes 8 MiB, and JSON may write one byte as six."""

LineT = TypeVar("LineT")


class HistoryFileError(HeadraceError):
    """The file cannot be written or read; its content was not judged."""


class DamagedError(HeadraceError):
    """The file is not what was exported; `line` counts from 1."""

    def __init__(self, path: Path, line: int, what: str) -> None:
        """Keep the line number."""
        super().__init__(f"{path}: line {line}: {what}")
        self.line = line


class Header(ContractStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line. `user` is the owner of the history: None for all users, or if there is no event."""

    format: str = FORMAT
    version: int = VERSION
    user: str | None = None
    all: bool = False
    stored_from: datetime | None = msgspec.field(name="from", default=None)
    stored_to: datetime | None = msgspec.field(name="to", default=None)
    made_at: datetime


class Trailer(ContractStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last line: the number of events, and the digest of all lines before it."""

    events: int
    sha256: str


async def write_history(
    path: Path, header: Header, events: AsyncIterator[EventObject], *, force: bool = False
) -> Trailer:
    """Write it completely or not at all. Raises HistoryFileError, and what `events` raises.

    It is written under a temporary name beside its own, and renamed once it is on disk.
    """
    partial: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".partial", delete=False
        ) as file:
            partial = Path(file.name)
            trailer = await _write(file.file, header, events)
            file.flush()
            os.fsync(file.fileno())
        _name(partial, path, force=force)
    except OSError as error:
        raise HistoryFileError(f"{path}: {error.strerror or error}") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
    return trailer


async def _write(file: IO[bytes], header: Header, events: AsyncIterator[EventObject]) -> Trailer:
    digest = hashlib.sha256()
    count = 0

    def put(line: ContractStruct) -> None:
        content = msgspec.json.encode(line) + b"\n"
        digest.update(content)
        file.write(content)

    async for event in events:
        if count == 0:
            put(header if header.all else _of_user(header, event))
        put(event)
        count += 1
    if count == 0:
        put(header)
    trailer = Trailer(events=count, sha256=digest.hexdigest())
    put(trailer)
    return trailer


def _of_user(header: Header, event: EventObject) -> Header:
    """The caller has only a token, so the first event names the owner of the history."""
    return msgspec.structs.replace(header, user=event.data.get("user_id"))


def _name(partial: Path, path: Path, *, force: bool) -> None:
    """Rename the file. Raises FileExistsError rather than overwrite a history, unless told to."""
    if force:
        partial.replace(path)
    else:
        os.link(partial, path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class HistoryFile:
    """Reads a history from its first line to its last, and validates every line."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Use a file opened for reading; reads the header. Raises DamagedError."""
        self._path = path
        self._file = file
        self._digest = hashlib.sha256()
        self._events = 0
        self.line = 0
        self._ahead = self._read()
        self.header = self._header()
        self.trailer: Trailer | None = None

    def damaged(self, what: str) -> DamagedError:
        """An error for the line that was read last."""
        return DamagedError(self._path, self.line, what)

    def events(self) -> Iterator[EventObject]:
        """The events, once; after the last one the trailer has been checked. Raises DamagedError."""
        while True:
            line = self._take()
            if not self._ahead:
                self._check_trailer(line)
                return
            self._digest.update(line)
            self._events += 1
            yield self._decoded(line, EventObject)

    def _header(self) -> Header:
        line = self._take()
        header = self._decoded(line, Header)
        if header.format != FORMAT:
            raise self.damaged(f"the format is {header.format!r}, not {FORMAT!r}")
        if header.version != VERSION:
            raise self.damaged(f"the version is {header.version}; this program reads {VERSION}")
        self._digest.update(line)
        return header

    def _check_trailer(self, line: bytes) -> None:
        if b'"sha256"' not in line[:200]:
            raise self.damaged("there is no trailer: the file is cut off")
        trailer = self._decoded(line, Trailer)
        if trailer.events != self._events:
            raise self.damaged(f"the trailer counts {trailer.events} events, there are {self._events}")
        if trailer.sha256 != self._digest.hexdigest():
            raise self.damaged("the digest differs: a line before this one was changed")
        self.trailer = trailer

    def _take(self) -> bytes:
        line, self._ahead = self._ahead, self._read()
        self.line += 1
        if not line:
            raise self.damaged("the file ends here")
        if not line.endswith(b"\n"):
            raise self.damaged("the line is cut off, or too long to be an event")
        return line

    def _read(self) -> bytes:
        try:
            return self._file.readline(LINE_BYTES_MAX)
        except OSError as error:
            raise HistoryFileError(f"{self._path}: {error.strerror or error}") from error

    def _decoded(self, line: bytes, kind: type[LineT]) -> LineT:
        try:
            return msgspec.json.decode(line, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self.damaged(f"not a {kind.__name__} of this version: {error}") from error
