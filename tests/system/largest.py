"""The largest jobs that may legally be, of each kind of text, and what a process holds meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from shared.domain.events import Event, JobCompleted, JobQueued, SourceFile
from shared.domain.result import Artifact, Output, Result
from tests import builders

JOBS = 12
"""Of each kind. Decoded all at once they would take more than any service may."""

STREAM_BYTES = 256 * 1024
"""What an api allows for one stream of output."""

BODY_CHARACTERS = 1_000_000
"""A submission's JSON has 1 MiB."""

TEXTS = {
    "ascii": ("a", 1, 1),
    # One such character, and every other one of the text takes four bytes of memory.
    "astral": ("a", 1, 1),
    "control": ("\x01", 6, 1),
    "base64": ("QUJD", 4, 4),
}
"""A unit of each kind, its length in JSON, and in the output that it stands for."""


def word(kind: str, json_bytes: int) -> str:
    """A text of that kind whose JSON has about so many bytes."""
    unit, size, _ = TEXTS[kind]
    text = unit * (json_bytes // size)
    return text[:-4] + "\U0001f600" if kind == "astral" else text


def submitted(kind: str, number: int) -> JobQueued:
    """The largest submission: for the most part arguments, which lists once showed; the longest labels."""
    label = word(kind, 1_536 if kind == "control" else 256)
    return builders.queued(
        f"01890a5d-ac96-774b-bcce-{number:012x}",
        kind,
        # No executor offers it, so none runs it before its end is told.
        language="largest",
        files=(SourceFile(name="main.py", content=word(kind, BODY_CHARACTERS // 8)),),
        args=tuple(word(kind, 31_900) for _ in range(26)),
        labels={f"label-{number:02}": label for number in range(16)},
    )


def ended(queued: JobQueued) -> JobCompleted:
    """The largest result: two full streams, and files with long names."""
    kind = queued.user_id
    content = word(kind, STREAM_BYTES * TEXTS[kind][1])
    stream = Output(
        content=content[: STREAM_BYTES * 4 // 3] if kind == "base64" else content,
        encoding="base64" if kind == "base64" else "utf-8",
        kept_bytes=STREAM_BYTES,
        total_bytes=STREAM_BYTES,
    )
    files = tuple(
        Artifact(path=f"{number}{word(kind, 500)}", size=1, sha256="0" * 64) for number in range(256)
    )
    return msgspec.structs.replace(
        builders.completed(queued.job_id, queued.user_id),
        result=Result(exit_code=0, stdout=stream, stderr=stream, artifacts=files),
    )


def stories() -> Iterator[Event]:
    """Every event of every job of every kind."""
    for place, kind in enumerate(TEXTS):
        for number in range(JOBS):
            queued = submitted(kind, place * JOBS + number + 1)
            yield queued
            yield builders.running(queued.job_id, kind)
            yield ended(queued)


def resident_bytes(pid: int, field: str = "VmRSS") -> int:
    """What a process holds now; `VmHWM` is the most since `forget_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def forget_peak(pid: int) -> None:
    """Let the kernel count the peak anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
