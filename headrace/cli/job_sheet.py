"""Prints one job for `headrace get`: a row for each fact, several for files, limits and lines of output.

Without a terminal each row is tab-separated: its name, then its values.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from headrace.cli.listing import Cell
from headrace.cli.listings import status_cell, took_cell
from headrace.cli.readable import ago, duration, local, size
from headrace.cli.render import Screen
from headrace.cli.sheet import Fact, show_facts, title_of
from headrace.client.models import JobShown, WaitingFor, kept_bytes, output_pieces
from shared.domain.events import ClampedLimit, Limits
from shared.domain.interaction import Interaction, ReceivedInput
from shared.domain.result import Output, OutputTail, Result, StageReport

LINES_SHOWN = 5
"""Lines shown of the beginning of each stream, and of its end."""
LINE_LETTERS_MAX = 200
WAITS = {
    "earlier_jobs": "earlier jobs of yours",
    "executor": "an executor that has the language",
    "slot": "a free slot",
}


def show_job(job: JobShown, console: Screen, now: datetime | None = None) -> None:
    """Print all facts of a job."""
    show_facts(facts_of(job, now or datetime.now(UTC)), console)


def facts_of(job: JobShown, now: datetime) -> Iterator[Fact]:
    """Its status, program, times, limits, usage and results."""
    yield Fact("job_id", Cell(job.job_id))
    yield Fact("status", status_cell(job))
    yield from _end(job)
    if job.waiting_for is not None:
        yield _waiting_fact(job.waiting_for)
    yield from _program(job)
    yield from _times(job, now)
    yield from _limits(job.limits)
    yield from map(_clamped, job.clamped or ())
    if job.result is not None:
        yield from _result(job.result)


def _end(job: JobShown) -> Iterator[Fact]:
    optional = (("reason", job.reason), ("detail", job.detail), ("cancelled_by", job.cancelled_by))
    for name, value in optional:
        if value is not None:
            yield Fact(name, Cell(value))
    if job.result is not None and job.result.exit_code is not None:
        yield Fact("exit_code", Cell(str(job.result.exit_code)))
    if job.result is not None and job.result.signal is not None:
        yield Fact("signal", Cell(str(job.result.signal)))


def _waiting_fact(waiting: WaitingFor) -> Fact:
    behind = f", behind {waiting.position} unfinished of yours" if waiting.position else ""
    text = WAITS.get(waiting.reason, waiting.reason) + behind
    return Fact("waiting_for", Cell(text, waiting.reason), (waiting.position,))


def _program(job: JobShown) -> Iterator[Fact]:
    version = job.language_version or ""
    yield Fact("language", Cell(f"{job.language} {version}".strip(), job.language), (version,))
    for file in job.files:
        started = " (entrypoint)" if file.name == job.entrypoint else ""
        yield Fact("file", Cell(f"{file.name}, {size(file.size)}{started}", file.name), (file.size,))
    for word in job.args:
        yield Fact("argument", Cell(word))
    for word in job.compiler_args:
        yield Fact("compiler_argument", Cell(word))
    for word in job.interpreter_args:
        yield Fact("interpreter_argument", Cell(word))
    for name, value in job.labels.items():
        yield Fact("label", Cell(f"{name}={value}"))
    if isinstance(job.interactive, Interaction):
        yield _interaction(job.interactive)
    if isinstance(job.working_directory, str):
        yield Fact("working_directory", Cell(job.working_directory))
    if job.session is not None:
        yield Fact("session", Cell(job.session))
    if job.retry_of is not None:
        yield Fact("retry_of", Cell(job.retry_of))


def _interaction(interaction: Interaction) -> Fact:
    terminal = interaction.terminal
    if terminal is None:
        return Fact("interactive", Cell("by pipes", "pipes"))
    columns, rows = terminal.columns, terminal.rows
    return Fact("interactive", Cell(f"in a terminal of {columns} x {rows}", "terminal"), (columns, rows))


def _times(job: JobShown, now: datetime) -> Iterator[Fact]:
    times = (
        ("created_at", job.created_at),
        ("started_at", job.started_at),
        ("cancel_requested_at", job.cancel_requested_at),
        ("finished_at", job.finished_at),
        ("expires_at", job.expires_at),
    )
    for name, time in times:
        if time is not None:
            near = ago(time, now)
            text = local(time) if near == local(time) else f"{local(time)}, {near}"
            yield Fact(name, Cell(text, time))
    if job.queue_wait_ms is not None:
        yield Fact("queue_wait_ms", Cell(duration(job.queue_wait_ms), job.queue_wait_ms))
    if (took := took_cell(job)).text:
        yield Fact("took_ms", took)
    if job.attempt:
        text = f"{job.attempt}, by {job.executor_id}"
        yield Fact("attempt", Cell(text, job.attempt), (job.executor_id,))


def _limits(limits: Limits) -> Iterator[Fact]:
    for name, value in msgspec.structs.asdict(limits).items():
        if value is not None:
            yield Fact("limit", Cell(f"{title_of(name)} {_measure(name, value)}", name), (value,))


def _clamped(limit: ClampedLimit) -> Fact:
    requested, applied = _measure(limit.name, limit.requested), _measure(limit.name, limit.applied)
    text = f"{title_of(limit.name)} {requested} requested, {applied} applied"
    return Fact("clamped", Cell(text, limit.name, "yellow"), (limit.requested, limit.applied))


def _result(result: Result) -> Iterator[Fact]:
    yield Fact("wall_ms", Cell(duration(result.wall_ms), result.wall_ms))
    yield Fact("cpu_ms", Cell(duration(result.cpu_ms), result.cpu_ms))
    if (peak := result.memory_peak_bytes) is not None:
        yield Fact("memory_peak_bytes", Cell(size(peak), peak))
    if len(result.stages) > 1:
        yield from map(_stage, result.stages)
    if isinstance(result.input, ReceivedInput):
        ended = ", then its end" if result.input.ended else ""
        total = result.input.total_bytes
        yield Fact("input_bytes", Cell(size(total) + ended, total))
    for stage in result.stages[:-1]:
        yield from _output(f"{stage.name}_stdout", stage.stdout)
        yield from _output(f"{stage.name}_stderr", stage.stderr)
    yield from _printed(result)
    for one in result.artifacts:
        yield Fact("artifact", Cell(f"{one.path}, {size(one.size)}", one.path), (one.size, one.sha256))
    for skipped in result.skipped:
        text = f"{skipped.path}: {skipped.reason}"
        yield Fact("artifact_skipped", Cell(text, skipped.path, "yellow"), (skipped.reason,))


def _stage(stage: StageReport) -> Fact:
    cached = ", its product was at hand" if stage.cached else ""
    ended = "" if stage.exit_code is None else f", exit code {stage.exit_code}"
    peak = "" if stage.memory_peak_bytes is None else f", {size(stage.memory_peak_bytes)}"
    took = f"{duration(stage.wall_ms)}, {duration(stage.cpu_ms)} of a processor"
    text = f"{stage.name}: {took}{peak}{ended}{cached}"
    return Fact("stage", Cell(text, stage.name), (stage.wall_ms, stage.cpu_ms))


def _output(name: str, output: Output | None) -> Iterator[Fact]:
    """The size, then the first and last lines; nothing for an empty stream."""
    if output is None or not output.total_bytes:
        return
    yield from _size(name, output)
    for line in ends_of(_lines(kept_bytes(output))):
        yield Fact(name, Cell(line))


def _size(name: str, output: Output) -> Iterator[Fact]:
    kept = f", the first {size(output.kept_bytes)} kept" if output.truncated else ""
    if isinstance(output.tail, OutputTail):
        last = output.total_bytes - output.tail.offset
        kept = f", the first {size(output.kept_bytes)} and the last {size(last)} kept"
    yield Fact(
        f"{name}_bytes", Cell(size(output.total_bytes) + kept, output.total_bytes), (output.kept_bytes,)
    )


def _printed(result: Result) -> Iterator[Fact]:
    """Few lines of both streams in the order in which they came; else the ends of each stream."""
    lines = [(stream, line) for stream, piece in output_pieces(result) for line in _lines(piece)]
    if result.order is None or len(lines) > 2 * LINES_SHOWN:
        yield from _output("stdout", result.stdout)
        yield from _output("stderr", result.stderr)
        return
    yield from _size("stdout", result.stdout)
    yield from _size("stderr", result.stderr)
    for stream, line in lines:
        yield Fact(stream, Cell(_shorten(line)))


def _lines(content: bytes) -> list[str]:
    return content.decode(errors="backslashreplace").splitlines()


def _shorten(line: str) -> str:
    return line if len(line) <= LINE_LETTERS_MAX else f"{line[:LINE_LETTERS_MAX]} …"


def ends_of(lines: list[str]) -> list[str]:
    """The first and the last lines, and between them the number of lines omitted; long lines are
    shortened."""
    left_out = len(lines) - 2 * LINES_SHOWN
    if left_out > 1:
        lines = [*lines[:LINES_SHOWN], f"… {left_out} more lines …", *lines[-LINES_SHOWN:]]
    return [_shorten(line) for line in lines]


def _measure(name: str, value: int) -> str:
    if name.endswith("_ms"):
        return duration(value)
    return size(value) if name.endswith("_bytes") else str(value)
