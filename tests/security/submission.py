"""A program as it is submitted, and what became of it, whichever way it was run."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.contract.codec import EventObject
from shared.domain.events import Limits

PROGRAMS = Path(__file__).with_name("programs")
MIB = 1024 * 1024
ATTEMPTED, ESCAPED = "attempted", "ESCAPED"
"""What a program prints when its attack has begun, and when a part of it has succeeded."""

LIMITS = Limits(
    cpu_ms=2_000,
    wall_ms=4_000,
    memory_bytes=128 * MIB,
    processes=32,
    output_bytes=64 * 1024,
    disk_bytes=16 * MIB,
)
"""What every attack is given, unless its line in the table says else."""

LANGUAGES = {
    ".py": "python",
    ".c": "c",
    ".cpp": "c++",
    ".rs": "rust",
    ".go": "go",
    ".sh": "bash",
}


@dataclass(frozen=True, slots=True)
class Submission:
    """One program and what it is given."""

    language: str
    code: str
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    limits: Limits = LIMITS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a program. `told` is every word that its user, or an operator in a log, could read."""

    kinds: tuple[str, ...]
    reason: str | None
    detail: str | None
    result: dict[str, Any]
    lasted_s: float
    notes: tuple[EventObject, ...] = field(repr=False)
    told: str = field(repr=False)

    @property
    def ending(self) -> str:
        """For example `failed/memory`, or `completed`."""
        return f"{self.kinds[-1]}/{self.reason}" if self.reason else self.kinds[-1]

    @property
    def stdout(self) -> bytes:
        """What was kept of stdout."""
        return stream_of(self.result, "stdout")

    @property
    def stderr(self) -> bytes:
        """What was kept of stderr."""
        return stream_of(self.result, "stderr")

    @property
    def said(self) -> str:
        """Both, as text."""
        return (self.stdout + self.stderr).decode(errors="replace")


def output_bytes(note: EventObject) -> bytes:
    """The bytes of a piece of live output."""
    content: str = note.data["content"]
    return base64.b64decode(content) if note.data["encoding"] == "base64" else content.encode()


def stream_of(result: dict[str, Any], stream: str) -> bytes:
    """The kept bytes of one stream of a result."""
    output = result.get(stream)
    if output is None:
        return b""
    content: str = output["content"]
    return base64.b64decode(content) if output["encoding"] == "base64" else content.encode()


def source_of(name: str, **facts: str) -> str:
    """A program's text, with what stands between at-signs replaced by a fact of this host."""
    text = (PROGRAMS / name).read_text()
    for fact, value in facts.items():
        text = text.replace(f"@{fact.upper()}@", value)
    return text
