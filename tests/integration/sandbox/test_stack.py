"""How deep a program may call itself: as its memory allows, or as it asks; and many threads start anyway.

The programs are in `stacks/`; each prints `well` when it has come back from where it went.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from services.executor.languages.catalogue import Language, load_languages
from services.executor.languages.stages import Program, compile_stage, run_stage
from services.executor.sandbox.interface import CellFile, RejectedError, Sandbox
from services.executor.sandbox.warm.sandbox import WarmSandbox
from shared.domain.events import Limits
from tests.hosts import needs, needs_cgroups
from tests.integration.sandbox.cells import MIB, Ran, opened, run, stage
from tests.integration.sandbox.programs import tools_of

HERE = Path(__file__).with_name("stacks")
LANGUAGES = {f".{language.extension}": language for language in load_languages().values()}
IN_THE_SMALL_TIER = frozenset({"python", "javascript", "c++"})
ROOM = Limits(memory_bytes=512 * MIB, processes=100)

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PRODUCTS: dict[str, bytes | None] = {}
"""What compilers have made, for all cells."""


@pytest_asyncio.fixture(
    params=[
        "warm",
        *(
            pytest.param(kind, marks=pytest.mark.full)
            for kind in ("cold", "warm without cgroups", "cold without cgroups")
        ),
    ],
    scope="module",
    loop_scope="module",
)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """Every kind, with what the host gives and without cgroups."""
    async with opened(request.param) as sandbox:
        yield sandbox


def language_of(name: str) -> Language:
    return LANGUAGES[Path(name).suffix]


def each(folder: str) -> pytest.MarkDecorator:
    """A case for each program of a folder whose language the host has."""
    names = sorted(f"{folder}/{path.name}" for path in (HERE / folder).iterdir())
    assert names
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(
                name,
                marks=[
                    needs(language_of(name).name),
                    *(() if language_of(name).name in IN_THE_SMALL_TIER else (pytest.mark.full,)),
                ],
            )
            for name in names
        ],
    )


async def ended(sandbox: Sandbox, name: str, *args: str, limits: Limits = ROOM) -> Ran:
    """Compile it if need be, and run it, as the catalogue does."""
    language = language_of(name)
    file = CellFile(language.entrypoint, (HERE / name).read_bytes())
    submitted = Program((file,), language.entrypoint, limits, args=args)
    if language.compile and name not in _PRODUCTS:
        compilation = compile_stage(language, submitted, await tools_of(sandbox, language))
        compiled = await run(sandbox, compilation)
        compiled.succeeded()
        _PRODUCTS[name] = compiled.verdict.kept
    return await run(sandbox, run_stage(language, submitted, _PRODUCTS.get(name)))


def with_stack(size: int) -> Limits:
    return msgspec.structs.replace(ROOM, stack_bytes=size)


@each("deep")
async def test_a_program_calls_itself_as_deep_as_its_memory_allows(sandbox: Sandbox, name: str) -> None:
    assert (await ended(sandbox, name)).succeeded() == "well\n"


@each("endless")
async def test_a_runtime_says_that_a_program_went_too_deep(sandbox: Sandbox, name: str) -> None:
    limits = language_of(name).default_limits
    assert (await ended(sandbox, name, limits=limits)).succeeded() == "well\n"


@each("threads")
async def test_many_threads_start(sandbox: Sandbox, name: str) -> None:
    limits = msgspec.structs.replace(language_of(name).default_limits, processes=ROOM.processes)
    assert (await ended(sandbox, name, limits=limits)).succeeded() == "well\n"


@needs("c++")
async def test_what_never_comes_back_has_used_up_its_memory(sandbox: Sandbox) -> None:
    ran = await ended(sandbox, "asked/endless.cpp", limits=Limits())
    assert (ran.stdout, ran.verdict.stopped_by) == ("attempted\n", "memory")


@needs("c++")
@pytest.mark.parametrize("thread", [(), ("thread",)], ids=["first", "other"])
async def test_a_stack_is_as_large_as_was_asked_for(sandbox: Sandbox, thread: tuple[str, ...]) -> None:
    for kilobytes, signal in (("12000", None), ("18000", 11)):
        ran = await ended(sandbox, "asked/kilobytes.cpp", kilobytes, *thread, limits=with_stack(16 * MIB))
        assert ran.verdict.signal == signal


async def test_an_interpreters_threads_have_what_was_asked_for(sandbox: Sandbox) -> None:
    assert (await ended(sandbox, "asked/main.py", limits=with_stack(48 * MIB))).succeeded() == "48\n"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("deep/recursion.java", marks=[needs("java"), pytest.mark.full]),
        # Without a cgroup, the stacks of Node.js's own threads count as data: docs/languages.md.
        pytest.param("asked/recursion.js", marks=[needs("javascript"), needs_cgroups]),
        pytest.param("asked/recursion.ts", marks=[needs("typescript"), needs_cgroups]),
        pytest.param("asked/main.rb", marks=needs("ruby")),
    ],
)
async def test_a_virtual_machine_is_told_what_was_asked_for(warm: WarmSandbox, name: str) -> None:
    assert (await ended(warm, name, limits=with_stack(128 * MIB))).succeeded() == "well\n"
    small = await ended(warm, name, limits=with_stack(1 * MIB))
    assert small.verdict.signal is None
    assert re.search("StackOverflowError|RangeError|too deep", small.stdout + small.stderr)


async def test_arguments_for_which_a_small_stack_has_no_room_are_refused(sandbox: Sandbox) -> None:
    words = ["x" * 1000] * 300
    assert (await run(sandbox, stage("true", *words, limits=with_stack(8 * MIB)))).succeeded() == ""
    with pytest.raises(RejectedError, match="stack_bytes"):
        await run(sandbox, stage("true", *words, limits=with_stack(1 * MIB)))
