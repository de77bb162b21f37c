"""`headrace get`: every fact of a job, for people and for programs."""

import io
from datetime import timedelta

import msgspec
from rich.console import Console

from headrace.cli.job_sheet import LINE_LETTERS_MAX, ends_of, facts_of, show_job
from headrace.client.models import JobShown, WaitingFor
from shared.domain.events import ClampedLimit
from shared.domain.interaction import Interaction, ReceivedInput, TerminalSize
from shared.domain.record import JobRecord
from shared.domain.result import (
    Artifact,
    Output,
    OutputOrder,
    OutputRun,
    OutputTail,
    Result,
    SkippedArtifact,
    StageReport,
)
from tests import builders
from tests.builders import NOON, record

RESULT = Result(
    exit_code=3,
    stdout=Output(content="a\tb\n\x1b[31m[bold]\n", kept_bytes=15, total_bytes=40, truncated=True),
    stages=(
        StageReport(
            name="compile", wall_ms=900, cpu_ms=800, exit_code=0, cached=True, stderr=builders.result().stdout
        ),
        StageReport(name="run", wall_ms=61_000, cpu_ms=5, exit_code=3, memory_peak_bytes=2**20),
    ),
    wall_ms=61_900,
    cpu_ms=805,
    memory_peak_bytes=2**20,
    artifacts=(Artifact(path="out/a.txt", size=2048, sha256="ab"),),
    skipped=(SkippedArtifact(path="out/b", reason="too long"),),
)


def shown(job: JobRecord, waiting_for: WaitingFor | None = None) -> JobShown:
    fields = {name: getattr(job, name) for name in JobRecord.__struct_fields__}
    return JobShown(**fields, waiting_for=waiting_for)


def fields(job: JobShown) -> list[tuple[str, ...]]:
    file = io.StringIO()
    show_job(job, Console(file=file), NOON)
    return [tuple(line.split("\t")) for line in file.getvalue().splitlines()]


def ended() -> JobShown:
    failed = msgspec.structs.replace(
        builders.failed(), time=NOON + timedelta(seconds=62), detail="as said", result=RESULT
    )
    return shown(record(builders.running(), failed))


def test_programs_get_every_fact_under_its_name() -> None:
    found = fields(ended())
    job = ended()
    for expected in (
        ("job_id", job.job_id),
        ("status", "failed"),
        ("reason", "exit_code"),
        ("detail", "as said"),
        ("exit_code", "3"),
        ("took_ms", "62000"),
        ("attempt", "1", "x1"),
        ("limit", "wall_ms", str(job.limits.wall_ms)),
        ("limit", "memory_bytes", str(job.limits.memory_bytes)),
        ("wall_ms", "61900"),
        ("memory_peak_bytes", str(2**20)),
        ("stage", "compile", "900", "800"),
        ("compile_stderr", "42"),
        ("stdout_bytes", "40", "15"),
        ("stdout", "a\\x09b"),
        ("stdout", "\\x1b[31m[bold]"),
        ("artifact", "out/a.txt", "2048", "ab"),
        ("artifact_skipped", "out/b", "too long"),
    ):
        assert expected in found, expected
    names = [name for name, *_ in found]
    assert {"created_at", "started_at", "finished_at", "language", "file"} <= set(names)
    assert "stderr" not in names
    assert "waiting_for" not in names


def test_people_get_the_same_in_words() -> None:
    text = {fact.name: fact.cell.text for fact in facts_of(ended(), NOON + timedelta(minutes=7))}
    assert text["took_ms"] == "1 min 2 s"
    assert text["created_at"].endswith(", 7 min ago")
    assert text["memory_peak_bytes"] == "1 MiB"
    assert text["stdout_bytes"] == "40 B, the first 15 B kept"
    assert text["artifact"] == "out/a.txt, 2 KiB"
    assert text["artifact_skipped"] == "out/b: too long"


def test_a_queued_job_says_what_it_waits_for() -> None:
    waiting = shown(record(), WaitingFor(reason="earlier_jobs", position=3))
    assert ("waiting_for", "earlier_jobs", "3") in fields(waiting)
    text = {fact.name: fact.cell.text for fact in facts_of(waiting, NOON)}
    assert text["waiting_for"] == "earlier jobs of yours, behind 3 unfinished of yours"
    later = shown(record(), WaitingFor(reason="of a newer version"))
    assert ("waiting_for", "of a newer version", "0") in fields(later)


def test_limits_that_were_lowered_are_told() -> None:
    clamped = (ClampedLimit(name="memory_bytes", requested=2**34, applied=2**30),)
    job = shown(msgspec.structs.replace(record(), clamped=clamped))
    assert ("clamped", "memory_bytes", str(2**34), str(2**30)) in fields(job)
    text = {fact.name: fact.cell.text for fact in facts_of(job, NOON)}
    assert text["clamped"] == "memory 16 GiB requested, 1 GiB applied"
    assert "clamped" not in {name for name, *_ in fields(shown(record()))}


def printed_in_turns(turns: int) -> list[tuple[str, ...]]:
    """The rows of a program that printed so many lines to each stream, one after the other."""
    runs = [
        OutputRun(stream=("stdout", "stderr")[n % 2], offset=n // 2 * 2, length=2) for n in range(turns * 2)
    ]
    content = "".join(f"{n}\n" for n in range(turns))
    stream = Output(content=content, kept_bytes=len(content), total_bytes=len(content))
    result = Result(stdout=stream, stderr=stream, order=OutputOrder(runs=tuple(runs)))
    job = shown(record(builders.running(), msgspec.structs.replace(builders.completed(), result=result)))
    return [fact for fact in fields(job) if fact[0] in {"stdout", "stderr"}]


def test_few_lines_of_both_streams_are_in_the_order_in_which_they_came() -> None:
    assert printed_in_turns(5) == [(stream, str(n)) for n in range(5) for stream in ("stdout", "stderr")]


def test_of_many_lines_no_stream_hides_the_other() -> None:
    assert printed_in_turns(6) == [(stream, str(n)) for stream in ("stdout", "stderr") for n in range(6)]


def test_of_long_output_both_ends_are_shown() -> None:
    lines = [str(number) for number in range(30)]
    assert ends_of(lines) == [*lines[:5], "… 20 more lines …", *lines[-5:]]
    assert ends_of(lines[:11]) == lines[:11]
    assert ends_of(["x" * 1_000]) == ["x" * LINE_LETTERS_MAX + " …"]


def test_words_for_the_commands_are_facts_of_their_own() -> None:
    job = msgspec.structs.replace(ended(), compiler_args=("-O2", "-g"), interpreter_args=("-Xss1m",))
    found = fields(job)
    assert [fact for fact in found if fact[0].endswith("er_argument")] == [
        ("compiler_argument", "-O2"),
        ("compiler_argument", "-g"),
        ("interpreter_argument", "-Xss1m"),
    ]


def test_a_directory_is_shown_where_it_is_not_the_usual_one() -> None:
    assert "working_directory" not in {row[0] for row in fields(ended())}
    there = msgspec.structs.replace(ended(), working_directory="/mnt/data")
    assert ("working_directory", "/mnt/data") in fields(there)


def test_a_conversation_is_shown_with_both_ends_of_its_output() -> None:
    stdout = Output(
        content="one\n",
        kept_bytes=4,
        total_bytes=40,
        truncated=True,
        tail=OutputTail(offset=36, content="end\n"),
    )
    received = ReceivedInput(total_bytes=3, sha256="", ended=True)
    terminal = TerminalSize(columns=80, rows=24)
    job = msgspec.structs.replace(
        ended(),
        interactive=Interaction(idle_s=1, input_bytes=1, output_bytes=1, terminal=terminal),
        result=Result(stdout=stdout, input=received),
    )
    text = {fact.name: fact.cell.text for fact in facts_of(job, NOON)}
    assert text["interactive"] == "in a terminal of 80 x 24"
    assert text["input_bytes"] == "3 B, then its end"
    assert text["stdout_bytes"] == "40 B, the first 4 B and the last 4 B kept"
    assert [row for row in fields(job) if row[0] == "stdout"] == [("stdout", "one"), ("stdout", "end")]
    piped = Interaction(idle_s=1, input_bytes=1, output_bytes=1)
    assert ("interactive", "pipes") in fields(msgspec.structs.replace(job, interactive=piped))
