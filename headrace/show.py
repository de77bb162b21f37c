"""How events and jobs look in a terminal.

What a program printed is made harmless first: control characters could move the cursor, set the title,
or paint over what stands above.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from headrace.answers import Artifacts
from shared.codec import EventObject
from shared.record import JobSummary

TEXT_MAX = 72
ID_WIDTH = 36
_COLOURS = {
    "queued": "cyan",
    "running": "blue",
    "completed": "green",
    "failed": "red",
    "timeout": "yellow",
    "cancelled": "magenta",
    "cancel_requested": "magenta",
    "output": "white",
    "progress": "bright_black",
}


def harmless(text: str) -> str:
    """One line without control or direction-changing characters, and without rich's markup."""
    return escape("".join(letter if letter.isprintable() else _named(letter) for letter in text))


def event_line(event: EventObject, name: str, since: datetime) -> str:
    """One event: when after `since`, of which job, what."""
    kind = event.type.split(".")[1]
    elapsed_ms = (event.stored_at - since).total_seconds() * 1000
    colour = _COLOURS.get(kind, "white")
    place = f"#{event.seq}" if event.seq is not None else ""
    return (
        f"[dim]{elapsed_ms:>9.1f} ms[/] [dim]{place:>5}[/] {harmless(name):<22} "
        f"[{colour}]{kind:<10}[/] {_detail(kind, event.data)}"
    )


def artifacts_table(listed: Artifacts) -> Table:
    """What a job left, one file a row; what is not kept has its reason in place of its digest."""
    table = Table(box=None, header_style="bold")
    table.add_column("path")
    table.add_column("bytes", justify="right")
    table.add_column("sha256")
    for artifact in listed.artifacts:
        table.add_row(harmless(artifact.path), str(artifact.size), artifact.sha256)
    for skipped in listed.skipped:
        table.add_row(harmless(skipped.path), "", f"[yellow]skipped: {harmless(skipped.reason)}[/]")
    return table


def jobs_table(jobs: Iterable[JobSummary]) -> Table:
    """Jobs, one a row."""
    table = Table(box=None, header_style="bold")
    for column in ("job", "status", "language", "created", "wall ms", "reason"):
        table.add_column(column)
    for job in jobs:
        took = _took_ms(job)
        table.add_row(
            job.job_id,
            f"[{_COLOURS.get(job.status, 'white')}]{job.status}[/]",
            harmless(job.language),
            f"{job.created_at:%Y-%m-%d %H:%M:%S}",
            "" if took is None else str(took),
            harmless(job.reason or ""),
        )
    return table


def states_table(jobs: Iterable[JobSummary]) -> Table:
    """Jobs as they stood at some moment, one a row."""
    table = Table(box=None, header_style="bold")
    table.add_column("job", min_width=ID_WIDTH)
    for column in ("user", "status", "attempt", "language", "last event", "reason"):
        table.add_column(column)
    for job in jobs:
        table.add_row(
            job.job_id,
            harmless(job.user_id),
            f"[{_COLOURS.get(job.status, 'white')}]{job.status}[/]",
            str(job.attempt),
            harmless(job.language),
            f"#{job.last_sequence}",
            harmless(job.reason or ""),
        )
    return table


def _took_ms(job: JobSummary) -> int | None:
    if job.started_at is None or job.finished_at is None:
        return None
    return round((job.finished_at - job.started_at).total_seconds() * 1000)


def _detail(kind: str, data: dict[str, Any]) -> str:
    match kind:
        case "queued":
            return harmless(str(data["language"]))
        case "running":
            return f"attempt {data['attempt']} after {data['queue_wait_ms']} ms in the queue"
        case "output":
            return f"{data['stream']}: {_shortened(str(data['content']))}"
        case "progress":
            return f"{data['percent']} % {harmless(str(data['message']))}"
        case "completed" | "failed" | "timeout":
            return _outcome(data)
        case "cancelled" | "cancel_requested":
            return f"by {harmless(str(data['by']))}"
        case _:
            return ""


def _outcome(data: dict[str, Any]) -> str:
    result = data.get("result") or {}
    reason = harmless(str(data["reason"])) + ", " if data.get("reason") else ""
    if result.get("signal") is not None:
        ended = f"signal {result['signal']}"
    else:
        ended = f"exit code {result.get('exit_code')}"
    return f"{reason}{ended}, {result.get('wall_ms', 0)} ms{_warnings(result)}"


def _warnings(result: dict[str, Any]) -> str:
    """The first line of what each stage before the last printed, as compilers do."""
    said = [
        f"; {stage['name']}: {_shortened(str(output['content']))}"
        for stage in (result.get("stages") or ())[:-1]
        for output in (stage.get("stdout"), stage.get("stderr"))
        if output
    ]
    return "".join(said)


def _shortened(text: str) -> str:
    first, _, rest = text.strip("\n").partition("\n")
    shown = first[:TEXT_MAX]
    return harmless(shown) + (" …" if rest or len(first) > TEXT_MAX else "")


def _named(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"
