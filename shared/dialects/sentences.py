"""Why a job ended without success, in one sentence for people: from its reason and its limits. Pure."""

from collections.abc import Callable, Mapping
from signal import Signals

from shared.domain.record import JobRecord

KIB = 1024
CANCELLED = "cancelled"
"""All that dialects say of a job that was cancelled."""


def sentence_of(job: JobRecord) -> str | None:
    """The sentence of a job that has ended; None if it completed."""
    if job.status == "completed":
        return None
    if job.status == "cancelled":
        return CANCELLED
    reason = job.reason or job.status
    sentence = _SENTENCES.get(reason)
    return f"The program failed: {reason}." if sentence is None else sentence(job)


def size_text(size: int) -> str:
    """`256 MiB`: a whole number of the largest unit that divides the size."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < KIB or size % KIB:
            return f"{size} {unit}"
        size //= KIB
    return f"{size} GiB"


def seconds_text(milliseconds: int) -> str:
    """`1 second`, `2.5 seconds`."""
    return "1 second" if milliseconds == 1_000 else f"{milliseconds / 1_000:.10g} seconds"


def _exit_code(job: JobRecord) -> str:
    code = None if job.result is None else job.result.exit_code
    return "The program failed." if code is None else f"The program ended with exit code {code}."


def _signal(job: JobRecord) -> str:
    number = None if job.result is None else job.result.signal
    if number is None:
        return "The program was ended by a signal."
    name = Signals(number).name if number in set(Signals) else f"signal {number}"
    return f"The program was ended by {name}."


def _idle(job: JobRecord) -> str:
    if not job.interactive:
        return "The program was idle for too long."
    return f"The program was idle for longer than {seconds_text(job.interactive.idle_s * 1_000)}."


_SENTENCES: Mapping[str, Callable[[JobRecord], str]] = {
    "exit_code": _exit_code,
    "signal": _signal,
    "memory": lambda job: f"The program used more than {size_text(job.limits.memory_bytes)} of memory.",
    "output_limit": lambda job: f"The program printed more than {size_text(job.limits.output_bytes)}.",
    "disk": lambda job: f"The program wrote more than {size_text(job.limits.disk_bytes)} of files.",
    "wall_time": lambda job: f"The program ran for longer than {seconds_text(job.limits.wall_ms)}.",
    "cpu_time": lambda job: (
        f"The program used more than {seconds_text(job.limits.cpu_ms)} of processor time."
    ),
    "idle": _idle,
    "compile_error": lambda _: "The program does not compile.",
    "rejected": lambda _: "The program cannot be run as it was submitted.",
    "sandbox_error": lambda _: "The sandbox of the program failed.",
    "executor_lost": lambda _: "The machine that ran the program was lost.",
}
