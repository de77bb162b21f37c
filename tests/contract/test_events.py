"""Published events never change: each version's golden file must decode, and encode to the same bytes.

A new event or version needs a new file: write it with ``python -m tests.contract.test_events``. Changing
an existing file is changing history. A later field has a default; the form with it is a file of its own,
``<tag>+<field>.json``, and the earlier form goes on being read.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from shared.contract.codec import decode_event, decode_input, decode_note, encode
from shared.contract.subjects import feed_note, job_event, job_input
from shared.domain.events import (
    ClampedLimit,
    Event,
    EventBase,
    FeedNote,
    InputMessage,
    Isolation,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobExpired,
    JobFailed,
    JobInput,
    JobOutput,
    JobProgress,
    JobQueued,
    JobResized,
    JobRunning,
    JobSignalled,
    JobTimeout,
    Limits,
    SourceFile,
    StoredFile,
    kind_of,
    tag_of,
)
from shared.domain.interaction import InputPiece, Interaction, ReceivedInput, TerminalSize
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
from shared.domain.unsent import UnsentNote
from tests.builders import JOB, NOON

FOLDER = Path(__file__).with_name("events")
USER = "auth0|zoë *.>"
OTHER_JOB = "01890a5d-ac96-774b-bcce-b302099a8058"
COMMON: dict[str, Any] = {
    "job_id": JOB,
    "user_id": USER,
    "time": NOON,
    "request_id": "req-1",
    "trace": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
RESULT = Result(
    exit_code=0,
    stdout=Output(content="42\n", kept_bytes=3, total_bytes=3),
    stderr=Output(content="/w==", encoding="base64", kept_bytes=1, total_bytes=9, truncated=True),
    stages=(
        StageReport(name="compile", wall_ms=80, cpu_ms=70, memory_peak_bytes=9_000_000, exit_code=0),
        StageReport(name="run", wall_ms=12, cpu_ms=9, memory_peak_bytes=1_000_000, exit_code=0),
    ),
    wall_ms=92,
    cpu_ms=79,
    memory_peak_bytes=9_000_000,
    artifacts=(Artifact(path="out/plot.png", size=7, sha256="ab" * 32),),
)
EXAMPLES: list[EventBase] = [
    JobQueued(
        **COMMON,
        language="c",
        files=(
            SourceFile(name="main.c", content="int main(){}"),
            SourceFile(name="lib/logo.bin", content="AP8=", encoding="base64"),
        ),
        entrypoint="main.c",
        fingerprint="0123456789abcdef" * 4,
        stdin=SourceFile(name="stdin", content="a line\n"),
        args=("--fast", "ü"),
        env={"LANG": "C.UTF-8"},
        limits=Limits(wall_ms=5_000),
        labels={"course": "cs101"},
        session="s-1",
        expires_at=NOON,
        concurrency=2,
    ),
    JobRunning(
        **COMMON,
        attempt=2,
        executor_id="host-1-ab12",
        queue_wait_ms=7,
        isolation=Isolation(
            namespaces=("user", "pid"), seccomp="cd" * 32, cgroup="v2", uid=60931, runtime_digest="ef" * 32
        ),
        language_version="12.2.0",
    ),
    JobCompleted(**COMMON, attempt=2, result=RESULT, feed_sequence=9),
    JobFailed(
        **COMMON, attempt=1, reason="memory", detail="in the run stage", result=RESULT, feed_sequence=9
    ),
    JobTimeout(**COMMON, attempt=1, reason="cpu_time", stage="compile", result=RESULT, feed_sequence=9),
    JobCancelRequested(**COMMON, by=USER),
    JobCancelled(**COMMON, by=USER, attempt=1, result=RESULT, feed_sequence=9),
    JobExpired(**COMMON, reason="erased"),
    JobOutput(**COMMON, attempt=1, stage="run", stream="stderr", offset=16_384, content="ä"),
    JobProgress(**COMMON, attempt=1, stage="run", percent=50, message="run started", remaining_s=0.25),
    JobInput(**COMMON, number=3, offset=12, content="ä\n", end=True),
    JobResized(**COMMON, number=4, offset=15, columns=80, rows=24, ended=True),
    JobSignalled(**COMMON, number=5, offset=15, signal="SIGINT", ended=True),
]
LATER_RESULT = msgspec.structs.replace(
    RESULT,
    stages=(
        StageReport(name="compile", wall_ms=0, cpu_ms=0, exit_code=0, cached=True),
        StageReport(name="run", wall_ms=12, cpu_ms=9, memory_peak_bytes=1_000_000, exit_code=0),
    ),
    skipped=(SkippedArtifact(path="out/core", reason="larger than what is left of the disk"),),
)


NEWEST_RESULT = msgspec.structs.replace(
    LATER_RESULT,
    stages=(
        StageReport(
            name="compile",
            wall_ms=80,
            cpu_ms=70,
            exit_code=0,
            stderr=Output(content="main.c:1: warning", kept_bytes=17, total_bytes=40_000, truncated=True),
        ),
        *LATER_RESULT.stages[1:],
    ),
)

UNSENT_NOTES = (
    UnsentNote(stage="run", stream="stdout", offset=2, length=1),
    UnsentNote(stage="run", percent=100, message="run complete", remaining_s=0.0),
)


ORDER = OutputOrder(
    runs=(
        OutputRun(stream="stdout", offset=0, length=2),
        OutputRun(stream="stderr", offset=0, length=1),
        OutputRun(stream="stdout", offset=2, length=1),
    ),
    truncated=True,
)
STORED = SourceFile(
    name="data/in.bin",
    content="",
    encoding="stored",
    stored=StoredFile(bucket="FILES", object_name=f"alice.{'a1' * 32}", size=67_108_864, sha256="a1" * 32),
)
LIVE = SourceFile(name="stdin", content="", encoding="live")
INTERACTION = Interaction(
    idle_s=600,
    input_bytes=1_048_576,
    output_bytes=16_777_216,
    terminal=TerminalSize(columns=80, rows=24),
)
RECEIVED = ReceivedInput(
    total_bytes=9,
    sha256="cd" * 32,
    content="ä\n",
    ended=True,
    pieces=(
        InputPiece(offset=0, length=3, at_ms=40),
        InputPiece(offset=3, length=6, at_ms=1_250, secret=True),
    ),
)
CLAMPED = (ClampedLimit(name="memory_bytes", requested=2**34, applied=2**30),)


def forms_of(event: EventBase) -> dict[str, EventBase]:
    """Every form in which the event was ever written, by the field that was added last; the newest last."""
    forms = {"": event}
    if isinstance(event, JobQueued):
        forms["+artifacts"] = msgspec.structs.replace(event, artifacts=("out/**", "*.png"))
        forms["+retry_of"] = msgspec.structs.replace(forms["+artifacts"], retry_of=OTHER_JOB)
        forms["+ttl_s"] = msgspec.structs.replace(forms["+retry_of"], ttl_s=3_600)
        forms["+artifacts_bytes_max"] = msgspec.structs.replace(forms["+ttl_s"], artifacts_bytes_max=2**40)
        stacked = msgspec.structs.replace(event.limits, stack_bytes=16_777_216)
        forms["+stack_bytes"] = msgspec.structs.replace(forms["+artifacts_bytes_max"], limits=stacked)
        forms["+clamped"] = msgspec.structs.replace(forms["+stack_bytes"], clamped=CLAMPED)
        bounded = msgspec.structs.replace(stacked, address_space_bytes=4_294_967_296)
        forms["+address_space_bytes"] = msgspec.structs.replace(forms["+clamped"], limits=bounded)
        forms["+interpreter_args"] = msgspec.structs.replace(
            forms["+address_space_bytes"], compiler_args=("-O3", "-DN=1"), interpreter_args=("-Xss64m",)
        )
        forms["+stored"] = msgspec.structs.replace(
            forms["+interpreter_args"], files=(*event.files, STORED), stdin=STORED
        )
        forms["+interactive"] = msgspec.structs.replace(forms["+stored"], stdin=LIVE, interactive=INTERACTION)
        forms["+working_directory"] = msgspec.structs.replace(
            forms["+interactive"], working_directory="/mnt/data"
        )
    elif isinstance(event, JobRunning):
        isolation = msgspec.structs.replace(event.isolation, uids=252)
        forms["+uids"] = msgspec.structs.replace(event, isolation=isolation)
        shared = msgspec.structs.replace(isolation, processor_shares=True)
        forms["+processor_shares"] = msgspec.structs.replace(event, isolation=shared)
        forms["+stage"] = msgspec.structs.replace(
            forms["+processor_shares"], stage="compile", remaining_s=0.25
        )
    elif isinstance(event, JobCompleted | JobFailed | JobTimeout | JobCancelled):
        forms["+artifacts"] = msgspec.structs.replace(event, result=LATER_RESULT)
        forms["+stderr"] = msgspec.structs.replace(event, result=NEWEST_RESULT)
        forms["+unsent_notes"] = msgspec.structs.replace(forms["+stderr"], unsent_notes=UNSENT_NOTES)
        ordered = msgspec.structs.replace(NEWEST_RESULT, order=ORDER)
        forms["+order"] = msgspec.structs.replace(forms["+unsent_notes"], result=ordered)
        tail = OutputTail(offset=8, content="/g==", encoding="base64")
        stderr = msgspec.structs.replace(ordered.stderr, tail=tail)
        talked = msgspec.structs.replace(ordered, stderr=stderr, input=RECEIVED)
        forms["+input"] = msgspec.structs.replace(forms["+order"], result=talked)
    elif isinstance(event, JobInput):
        forms["+attempt"] = msgspec.structs.replace(event, attempt=2, content="", secret=True, length=3)
    elif isinstance(event, JobResized | JobSignalled):
        forms["+attempt"] = msgspec.structs.replace(event, attempt=2)
    return forms


FORMS = [(f"{tag_of(event)}{added}", form) for event in EXAMPLES for added, form in forms_of(event).items()]
NEWEST = {tag_of(form): name for name, form in FORMS}
STILL_WRITTEN = frozenset(
    {
        *(
            f"job.queued.v1+{added}"
            for added in ("address_space_bytes", "interpreter_args", "stored", "interactive")
        ),
        *(f"job.{kind}.v1+order" for kind in ("completed", "failed", "timeout", "cancelled")),
        *(f"job.{kind}.v1" for kind in ("input", "resized", "signalled")),
    }
)
"""Earlier forms that are written where the fields that were added later are left out."""


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


def read(event: EventBase, stored: bytes) -> EventBase:
    if isinstance(event, InputMessage) and event.attempt is UNSET:
        return decode_input(job_input(USER, JOB), stored)
    if isinstance(event, FeedNote):
        return decode_note(feed_note(USER, JOB, kind_of(event)), stored)
    return decode_event(job_event(USER, JOB, kind_of(event)), stored)


def golden(event: EventBase) -> bytes:
    return msgspec.json.format(encode(event), indent=2) + b"\n"


@pytest.mark.parametrize(
    ("name", "event"), [(name, form) for name, form in FORMS if name in NEWEST.values()], ids=NEWEST.values()
)
def test_the_golden_file_is_what_is_written_and_read(name: str, event: EventBase) -> None:
    stored = path_of(name).read_bytes()
    assert golden(event) == stored
    assert read(event, stored) == event


EARLIER = [(name, form) for name, form in FORMS if name not in NEWEST.values()]


@pytest.mark.parametrize(("name", "event"), EARLIER, ids=[name for name, _ in EARLIER])
def test_what_was_written_before_a_field_was_added_is_read_with_its_default(
    name: str, event: EventBase
) -> None:
    stored = path_of(name).read_bytes()
    assert (golden(event) == stored) == (name in STILL_WRITTEN)
    assert read(event, stored) == event


def test_every_event_has_an_example_and_every_file_an_event() -> None:
    known = {str(kind.__struct_config__.tag) for kind in (*Event.__args__, *FeedNote.__args__)}
    assert {tag_of(event) for event in EXAMPLES} == known
    assert {path.stem for path in FOLDER.glob("*.json")} == {name for name, _ in FORMS}


if __name__ == "__main__":
    for name, example in FORMS:
        if not path_of(name).exists():
            path_of(name).write_bytes(golden(example))
