"""Formats events and jobs for a terminal.

Program output is sanitized first: control characters could move the cursor, set the title, or overwrite
earlier lines.
"""

from datetime import datetime
from typing import IO, Any, Protocol

from headrace.cli.readable import duration
from headrace.client.models import kind_of
from shared.contract.codec import EventObject

TEXT_MAX = 72
MS_SHOWN_BELOW = 10_000
EVENT_FIELDS = ("stored_at", "seq", "job_id", "type", "detail")
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
    "input": "cyan",
    "resized": "bright_black",
    "signalled": "magenta",
}


class Screen(Protocol):
    """The output: a rich console, or an object that imports rich on the first print."""

    @property
    def file(self) -> IO[str]:
        """The file it writes to."""

    def print(self, *objects: Any, markup: bool | None = None) -> None:  # noqa: ANN401 - as rich's
        """Print anything that rich can print."""


def printable(text: str) -> str:
    """One line in which control and direction-changing characters are replaced by their names."""
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in text)


def harmless(text: str) -> str:
    """The same, with rich's markup escaped."""
    from rich.markup import escape  # noqa: PLC0415 - most commands are without

    return escape(printable(text))


def colour_of(kind: str) -> str:
    """The colour of a status, or of a kind of event."""
    return _COLOURS.get(kind, "white")


def event_line(event: EventObject, name: str, since: datetime) -> str:
    """One event: the time after `since`, its job, and what happened."""
    kind = kind_of(event)
    elapsed_ms = (event.stored_at - since).total_seconds() * 1000
    colour = colour_of(kind)
    elapsed = f"{elapsed_ms:.1f} ms" if elapsed_ms < MS_SHOWN_BELOW else duration(elapsed_ms)
    place = f"#{event.seq}" if event.seq is not None else ""
    return (
        f"[dim]{elapsed:>12}[/] [dim]{place:>5}[/] {harmless(name):<22} "
        f"[{colour}]{harmless(kind):<10}[/] {_detail(event)}"
    )


def event_fields(event: EventObject) -> tuple[str, ...]:
    """The same for programs, in the order of `EVENT_FIELDS`; an event of the feed has no sequence."""
    from rich.text import Text  # noqa: PLC0415 - most commands are without

    return (
        event.stored_at.isoformat().replace("+00:00", "Z"),
        "" if event.seq is None else str(event.seq),
        event.job_id,
        event.type,
        Text.from_markup(_detail(event)).plain,
    )


def _detail(event: EventObject) -> str:
    """Details of an event besides its type; empty for an unknown type or version."""
    data = event.data
    match event.type:
        case "job.queued.v1":
            return harmless(str(data["language"]))
        case "job.running.v1":
            return f"attempt {data['attempt']} after {data['queue_wait_ms']} ms in the queue"
        case "job.output.v1":
            return f"{harmless(str(data['stream']))}: {_shorten(str(data['content']))}"
        case "job.progress.v1":
            return f"{data['percent']} % {harmless(str(data['message']))}"
        case "job.input.v1":
            return _given(data)
        case "job.resized.v1":
            return f"{data['columns']} x {data['rows']}"
        case "job.signalled.v1":
            return harmless(str(data["signal"]))
        case "job.completed.v1" | "job.failed.v1" | "job.timeout.v1":
            return _outcome(data)
        case "job.cancelled.v1" | "job.cancel_requested.v1":
            return f"by {harmless(str(data['by']))}"
        case _:
            return ""


def _given(data: dict[str, Any]) -> str:
    """A piece of input; of a secret one only its length."""
    text = f"{data.get('length', 0)} secret bytes" if data.get("secret") else _shorten(str(data["content"]))
    return f"{text} (the end)".strip() if data.get("end") else text


def _outcome(data: dict[str, Any]) -> str:
    result = data.get("result") or {}
    reason = harmless(str(data["reason"])) + ", " if data.get("reason") else ""
    if result.get("signal") is not None:
        ended = f"signal {result['signal']}"
    else:
        ended = f"exit code {result.get('exit_code')}"
    return f"{reason}{ended}, {result.get('wall_ms', 0)} ms{_warnings(result)}"


def _warnings(result: dict[str, Any]) -> str:
    """The first output line of each stage before the last, where compilers print warnings."""
    warnings = [
        f"; {harmless(str(stage['name']))}: {_shorten(str(output['content']))}"
        for stage in (result.get("stages") or ())[:-1]
        for output in (stage.get("stdout"), stage.get("stderr"))
        if output
    ]
    return "".join(warnings)


def _shorten(text: str) -> str:
    first, _, rest = text.strip("\n").partition("\n")
    line = first[:TEXT_MAX]
    return harmless(line) + (" …" if rest or len(first) > TEXT_MAX else "")


def _escape(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"
