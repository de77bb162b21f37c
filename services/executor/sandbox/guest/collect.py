"""Collects files of a cell whose program has ended and in which only pid 1 is left.

No link is followed: every directory and file is opened relative to its parent, with O_NOFOLLOW. Only regular
files are sent, as descriptors, so the executor never opens a path that a program made. A match that cannot be
sent is named with the reason. No content is read.
"""

from __future__ import annotations

import fnmatch
import json
import os
import socket
import stat
from dataclasses import asdict, dataclass

from . import syscalls

END = b"end"
"""Follows the last file."""
TOO_LONG = "too large"


@dataclass(frozen=True)
class Request:
    """Which files are requested, as patterns of paths below the work directory, and the limits.

    `files_max` and `skipped_max` bound the answer, `bytes_max` its files together, `entries_max` and
    `depth_max` the walk.
    """

    patterns: list[str]
    files_max: int
    skipped_max: int
    bytes_max: int
    entries_max: int
    depth_max: int


@dataclass(frozen=True)
class Found:
    """One file of the answer with its descriptor or, if `reason` is set, one that was skipped."""

    path: str
    size: int = 0
    reason: str = ""


def encode_request(request: Request) -> bytes:
    """Encode a request as a message."""
    return json.dumps(asdict(request)).encode()


def encode_found(found: Found) -> bytes:
    """Encode a file as a message."""
    return json.dumps(asdict(found)).encode()


def decode_found(message: bytes) -> Found:
    """Decode a file from a message."""
    return Found(**json.loads(message))


def answer(channel: socket.socket, work: bytes, request: bytes) -> None:
    """Send the requested files. Raises OSError if the executor has closed its end."""
    collector = Collector(channel, Request(**json.loads(request)))
    collector.walk(os.open(work, os.O_RDONLY | os.O_DIRECTORY), "", 0)
    channel.send(END)


class Collector:
    """One walk through a work directory."""

    def __init__(self, channel: socket.socket, request: Request) -> None:
        """Start with nothing visited."""
        self._channel = channel
        self._request = request
        self._patterns = [pattern.split("/") for pattern in request.patterns]
        self._room = request.bytes_max
        self._files = self._skipped = self._entries = 0

    def walk(self, directory: int, path: str, depth: int) -> None:
        """Visit what is below a directory, in the order of names, and close it."""
        try:
            for name in sorted(os.listdir(directory)):
                self._entries += 1
                if self._entries > self._request.entries_max:
                    return
                self._look(directory, name, f"{path}{name}", depth)
        finally:
            os.close(directory)

    def _look(self, directory: int, name: str, path: str, depth: int) -> None:
        matched, below = self._matching(path.split("/"))
        if not matched and not below:
            return
        try:
            mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                if below and depth == self._request.depth_max:
                    self._skip(path, "too deep")
                elif below:
                    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                    self.walk(os.open(name, flags, dir_fd=directory), f"{path}/", depth + 1)
            elif matched:
                self._take(directory, name, path, mode)
        except PermissionError:
            self._skip(path, "not readable")

    def _take(self, directory: int, name: str, path: str, mode: int) -> None:
        if not stat.S_ISREG(mode):
            self._skip(path, "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file")
        elif not _is_text(path):
            self._skip(path, "its name is not UTF-8")
        elif self._files == self._request.files_max:
            self._skip(path, f"beyond the first {self._request.files_max} files")
        else:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
            size = os.fstat(descriptor).st_size
            if size > self._room:
                self._skip(path, TOO_LONG)
            else:
                self._files, self._room = self._files + 1, self._room - size
                syscalls.send(self._channel, encode_found(Found(path, size)), descriptor)
            os.close(descriptor)

    def _skip(self, path: str, reason: str) -> None:
        self._skipped += 1
        if self._skipped <= self._request.skipped_max:
            seen = path.encode(errors="backslashreplace").decode()
            self._channel.send(encode_found(Found(seen, reason=reason)))

    def _matching(self, parts: list[str]) -> tuple[bool, bool]:
        """Whether a path matches a pattern, and whether one beneath it could."""
        ends = [(_reached(pattern, parts), len(pattern)) for pattern in self._patterns]
        return any(end in reached for reached, end in ends), any(reached - {end} for reached, end in ends)


def _reached(pattern: list[str], parts: list[str]) -> set[int]:
    """How many parts of a pattern can match so far; `**` matches any number of directories."""
    places = _beyond(pattern, {0})
    for part in parts:
        steps = {
            place + (pattern[place] != "**")
            for place in places
            if place < len(pattern) and fnmatch.fnmatchcase(part, pattern[place])
        }
        places = _beyond(pattern, steps)
    return places


def _beyond(pattern: list[str], places: set[int]) -> set[int]:
    """These positions and, after every `**`, the next: `**` may match nothing."""
    reached = set(places)
    for place in range(len(pattern)):
        if place in reached and pattern[place] == "**":
            reached.add(place + 1)
    return reached


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
