"""Keeps compilers' products in memory for the next run of the same program by the same user.

A hit must equal what the compiler would produce: the key covers all inputs of the compile stage, the
compiler's version, and its runtime. It also covers the user. A compiler runs on hostile input, and its
product is only as trustworthy as that input, so it must never reach another tenant. Nor does the time of a
response reveal that another user compiled the same text. Pure.
"""

import hashlib
from collections import Counter, OrderedDict
from dataclasses import dataclass

import msgspec

from services.executor.languages.catalogue import Offered
from services.executor.sandbox.interface import Stage

ENTRY_BYTES = 512
"""Overhead of objects and tables, so that the number of empty products is bounded too."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The product of a compile stage that ended with exit code 0, and the compiler's output."""

    product: bytes
    stdout: bytes = b""
    stderr: bytes = b""

    @property
    def size_bytes(self) -> int:
        """Its cost, including the overhead of an entry."""
        return len(self.product) + len(self.stdout) + len(self.stderr) + ENTRY_BYTES


class CompiledPrograms:
    """At most `bytes_max` bytes of products. Evicts from the user with the most, least recently used
    first."""

    def __init__(self, bytes_max: int) -> None:
        """Start empty; with a bound of 0 it stays empty."""
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: dict[str, OrderedDict[str, Compiled]] = {}
        self._held: Counter[str] = Counter()

    @property
    def size_bytes(self) -> int:
        """The size of all entries."""
        return self._bytes

    def find(self, user_id: str, key: str) -> Compiled | None:
        """The product kept for the user under this key, None if there is none."""
        kept = self._kept.get(user_id, OrderedDict[str, Compiled]())
        found = kept.get(key)
        if found is not None:
            kept.move_to_end(key)
        return found

    def keep(self, user_id: str, key: str, compiled: Compiled) -> None:
        """Keep a product, evicting least recently used ones of the user with the most.

        So a user with more never evicts the products of one with less. A product larger than the bound is not
        kept.
        """
        if compiled.size_bytes > self._bytes_max:
            return
        kept = self._kept.setdefault(user_id, OrderedDict())
        if key in kept:
            self._count(user_id, -kept.pop(key).size_bytes)
        kept[key] = compiled
        self._count(user_id, compiled.size_bytes)
        while self._bytes > self._bytes_max:
            largest, _ = max(self._held.items(), key=lambda one: one[1])
            _, oldest = self._kept[largest].popitem(last=False)
            self._count(largest, -oldest.size_bytes)
            if not self._kept[largest]:
                del self._kept[largest], self._held[largest]

    def _count(self, user_id: str, size: int) -> None:
        self._held[user_id] += size
        self._bytes += size


def key_of(user_id: str, offered: Offered, stage: Stage, *, runtime_digest: str | None) -> str:
    """The key of a compile stage's product: a digest over all that the product may depend on, and the user.

    The parts are encoded with their lengths, so that no two lists have the same encoding.
    """
    parts = (
        # A token's `sub` may contain an unpaired surrogate, which UTF-8 cannot encode.
        user_id.encode("utf-8", "surrogatepass"),
        offered.language.name,
        offered.version,
        runtime_digest,
        stage.argv,
        [(file.path, file.content, file.executable) for file in stage.files],
        stage.env,
        stage.given,
        stage.limits,
        (stage.keep, stage.keep_bytes_max, stage.directory),
    )
    return hashlib.sha256(msgspec.msgpack.encode(parts)).hexdigest()
