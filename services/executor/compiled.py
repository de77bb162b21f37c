"""What compilers made, kept in memory for the next run of the same program by the same user.

A hit must be what the compiler would have made: the key covers everything that the compile stage is given,
the compiler's version, and the runtime it runs in. It also covers the user. A compiler is run on hostile
input, and what it leaves is as trustworthy as that input, so it must never reach another tenant; nor can
anybody learn from a quick answer that somebody else compiled the same text. Pure.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import msgspec

from services.executor.languages import Offered
from services.executor.sandbox.sandbox import Stage


@dataclass(frozen=True, slots=True)
class Compiled:
    """The product of a compile stage that ended with exit code 0, and what the compiler said."""

    product: bytes
    stdout: bytes = b""
    stderr: bytes = b""

    @property
    def size_bytes(self) -> int:
        """What keeping it costs."""
        return len(self.product) + len(self.stdout) + len(self.stderr)


class CompiledPrograms:
    """At most `bytes_max` bytes of them; what was not asked for longest goes first."""

    def __init__(self, bytes_max: int) -> None:
        """Know nothing yet; a bound of 0 stays so."""
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[str, Compiled] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """Of everything that is kept."""
        return self._bytes

    def find(self, key: str) -> Compiled | None:
        """What was kept under this key, None if nothing is."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def keep(self, key: str, compiled: Compiled) -> None:
        """Keep it in place of what was not asked for longest; what is larger than the bound is not kept."""
        if compiled.size_bytes > self._bytes_max:
            return
        earlier = self._kept.pop(key, None)
        self._bytes -= 0 if earlier is None else earlier.size_bytes
        self._kept[key] = compiled
        self._bytes += compiled.size_bytes
        while self._bytes > self._bytes_max:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.size_bytes


def key_of(user_id: str, offered: Offered, stage: Stage, *, runtime_digest: str | None) -> str:
    """The name of a compile stage's product: a digest over all that the product may depend on, and the user.

    The parts are encoded with their lengths, so that no two lists of them look the same.
    """
    parts = (
        # A token's `sub` may hold half a surrogate pair, which is no character.
        user_id.encode("utf-8", "surrogatepass"),
        offered.language.name,
        offered.version,
        runtime_digest,
        stage.argv,
        [(file.path, file.content, file.executable) for file in stage.files],
        stage.env,
        stage.stdin,
        stage.limits,
        (stage.keep, stage.keep_bytes_max),
    )
    return hashlib.sha256(msgspec.msgpack.encode(parts)).hexdigest()
