"""The stages of an attempt follow the language's plan, however many there are."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest

from services.executor.attempts.feed_publisher import Feed
from services.executor.attempts.inputs import Inputs
from services.executor.attempts.outcome import Completed, Failed, StageEnd, ending_of
from services.executor.attempts.stages import Stages
from services.executor.languages.catalogue import Language, Offered, load_languages
from services.executor.languages.plan import Plan
from services.executor.languages.stages import NOTHING_STORED, StoredContents, program_of
from services.executor.sandbox.interface import OutputSink, Reserved, Sandbox, Stage, Verdict
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.execution import Execution
from shared.domain.enumerations import StageName, StreamName
from shared.domain.events import Isolation, JobQueued, SourceFile
from tests import builders

LANGUAGES = load_languages()
MANY_BYTES = 1024 * 1024


class ThreeStages(Language, frozen=True, kw_only=True):
    """C, compiled twice: the plan is the language's to name."""

    @property
    def stages(self) -> tuple[StageName, ...]:
        return ("compile", "compile", "run")


THREE = ThreeStages(
    name="three",
    extension="c",
    entrypoint="main.c",
    version=("true",),
    run=("{product}",),
    compile=LANGUAGES["c"].compile,
)


@dataclass
class RecordedFeed:
    """What an attempt tells of itself, without a server."""

    progress_made: list[tuple[str, int, str]] = field(default_factory=list)
    written: bytearray = field(default_factory=bytearray)

    def write(self, _stage: StageName, _stream: StreamName, piece: bytes) -> None:
        self.written += piece

    def progress(
        self, stage: StageName, percent: int, message: str, _remaining_s: float | None = None
    ) -> None:
        self.progress_made.append((stage, percent, message))


@dataclass
class InstantSandbox:
    """Every stage ends at once with `exit_code`; one that must leave a file leaves its own number."""

    exit_code: int = 0
    isolation: Isolation = field(default_factory=Isolation)
    stages: list[Stage] = field(default_factory=list)

    async def reserve(self, stage: Stage) -> Reserved:
        return InstantCell(self, stage)


@dataclass
class InstantCell:
    """A cell of `InstantSandbox`."""

    sandbox: InstantSandbox
    stage: Stage

    async def run(self, *, output: OutputSink, stop: asyncio.Event) -> Verdict:
        assert not stop.is_set()
        self.sandbox.stages.append(self.stage)
        output("stdout", self.stage.name.encode())
        kept = f"product {len(self.sandbox.stages)}".encode()
        return Verdict(
            exit_code=self.sandbox.exit_code,
            signal=None,
            stopped_by=None,
            wall_ms=1,
            cpu_ms=1,
            memory_peak_bytes=None,
            stdout_bytes=len(self.stage.name),
            stderr_bytes=0,
            kept=kept if self.stage.keep is not None and self.sandbox.exit_code == 0 else None,
        )

    async def release(self) -> None:
        raise AssertionError("every cell is used")


class NoInputs:
    """Of jobs that name no stored files."""

    async def read(self, _: JobQueued) -> StoredContents:
        return NOTHING_STORED


@dataclass
class Attempt:
    """All stages of one attempt after another, of the same executor."""

    sandbox: InstantSandbox
    told_stage: str | None = None

    def __post_init__(self) -> None:
        sandbox = cast("Sandbox", self.sandbox)
        languages = {each.name: Offered(each, "1") for each in (*LANGUAGES.values(), THREE)}
        supply = CellSupply(sandbox, patience_s=1.0)
        inputs = cast("Inputs", NoInputs())
        self.stages = Stages(sandbox, languages, supply, inputs=inputs, compiled_bytes_max=MANY_BYTES)

    async def run(self, queued: JobQueued) -> tuple[list[StageEnd], RecordedFeed]:
        ends, feed = list[StageEnd](), RecordedFeed()
        first = await self.stages.reserve(queued, None)
        execution = Execution(queued)
        await self.stages.run(
            execution, first, cast("Feed", feed), ends, cell_within_s=1.0, told_stage=self.told_stage
        )
        return ends, feed


def queued(language: str) -> JobQueued:
    entrypoint = "main.c" if language == "three" else LANGUAGES[language].entrypoint
    file = SourceFile(name=entrypoint, content="x")
    return builders.queued(language=language, entrypoint=entrypoint, files=(file,))


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("python", [("run", 0, "run started"), ("run", 100, "run complete")]),
        (
            "c",
            [
                ("compile", 0, "compile started"),
                ("compile", 50, "compile complete"),
                ("run", 50, "run started"),
                ("run", 100, "run complete"),
            ],
        ),
        (
            "three",
            [
                ("compile", 0, "compile started"),
                ("compile", 33, "compile complete"),
                ("compile", 33, "compile started"),
                ("compile", 66, "compile complete"),
                ("run", 66, "run started"),
                ("run", 100, "run complete"),
            ],
        ),
    ],
)
async def test_progress_follows_from_the_plan(language: str, told: list[tuple[str, int, str]]) -> None:
    ends, feed = await Attempt(InstantSandbox()).run(queued(language))
    assert feed.progress_made == told
    assert [end.name for end in ends] == [name for name, _, message in told if message.endswith("complete")]
    assert all(isinstance(ending_of(end), Completed) for end in ends)


async def test_the_program_is_what_the_last_compiler_made() -> None:
    sandbox = InstantSandbox()
    await Attempt(sandbox).run(queued("three"))
    product = next(file for file in sandbox.stages[-1].files if file.executable)
    assert (len(sandbox.stages), product.content) == (3, b"product 2")


async def test_no_stage_follows_one_that_failed() -> None:
    sandbox = InstantSandbox(exit_code=1)
    ends, feed = await Attempt(sandbox).run(queued("three"))
    assert [ending_of(end) for end in ends] == [
        Failed("compile_error", "the compiler ended with exit code 1")
    ]
    assert [percent for _, percent, _ in feed.progress_made] == [0, 33]


async def test_what_was_compiled_before_is_run_at_once() -> None:
    sandbox = InstantSandbox()
    attempt = Attempt(sandbox)
    await attempt.run(queued("c"))
    ends, feed = await attempt.run(queued("c"))
    assert [stage.name for stage in sandbox.stages] == ["compile", "run", "run"]
    assert [end.cached for end in ends] == [True, False]
    assert feed.progress_made == [
        ("compile", 50, "compiled before"),
        ("run", 50, "run started"),
        ("run", 100, "run complete"),
    ]
    assert feed.written == b"compilerun"


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_stage_but_the_last_makes_a_product(name: str) -> None:
    language = LANGUAGES[name]
    plan = Plan(language, program_of(queued(name)))
    *compilers, last = [plan.stage(position, b"product") for position in range(len(plan.names))]
    assert all(stage.keep is not None for stage in compilers)
    assert last.keep is None
    assert plan.names == tuple(stage.name for stage in (*compilers, last)) == language.stages


async def test_the_stage_that_the_log_says_begins_is_not_told_again() -> None:
    attempt = Attempt(InstantSandbox(), told_stage="run")
    _, feed = await attempt.run(queued("python"))
    assert feed.progress_made == [("run", 100, "run complete")]
