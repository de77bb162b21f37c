"""Ordinary programs that a compiler or a runtime of the catalogue must take, or refuse with a reason."""

import asyncio
import subprocess
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.executor.attempts.outcome import Failed, StageEnd, ending_of
from services.executor.sandbox.interface import Sandbox
from services.executor.sandbox.warm.sandbox import open_warm_sandbox
from tests.cases import languages
from tests.hosts import needs
from tests.integration.sandbox.cells import MIB
from tests.integration.sandbox.programs import LANGUAGES, execute, program

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """One for all tests."""
    async with open_warm_sandbox(early=()) as opened:
        yield opened


NO_PROGRAMS = {
    "go": ("package hello\nfunc main() {}", "must be called"),
    "rust": ('#![crate_type = "lib"]\npub fn main_() {}', "`main` function not found"),
    "c": ("int add(int a, int b) { return a + b; }", "main"),
    "c++": ("int add(int a, int b) { return a + b; }", "main"),
    "typescript": ("export declare const x: number; interface A {}", ""),
}


@pytest.mark.parametrize("name", languages(NO_PROGRAMS, {"c"}))
async def test_a_product_can_start_or_is_a_compile_error(sandbox: Sandbox, name: str) -> None:
    source, words = NO_PROGRAMS[name]
    ran = await execute(sandbox, LANGUAGES[name], program(LANGUAGES[name], source))
    if name == "typescript":
        assert ran.succeeded() == ""
        return
    assert ran.verdict.exit_code not in (0, 126), ran
    assert ran.verdict.kept is None
    assert words in ran.stderr


@pytest.mark.parametrize("name", languages(("c", "c++", "rust"), {"c"}))
async def test_a_large_array_compiles(sandbox: Sandbox, name: str) -> None:
    """Its object file is larger than /tmp."""
    source = "int a[5000000] = {1};\nint main() { return a[1]; }"
    if name == "rust":
        source = "static A: [i32; 5000000] = { let mut a = [0; 5000000]; a[0] = 1; a };\n"
        source += "fn main() { std::process::exit(A[std::env::args().count()]) }"
    (await execute(sandbox, LANGUAGES[name], program(LANGUAGES[name], source))).succeeded()


LARGE = {
    "c++": "char a[{size}] = {{1}};\nint main() {{ return a[1]; }}",
    "rust": "static A: [u8; {size}] = {{ let mut a = [0; {size}]; a[0] = 1; a }};\n"
    "fn main() {{ std::process::exit(A[std::env::args().count()].into()) }}",
}


@pytest.mark.parametrize("name", languages(LARGE, {"c++"}))
async def test_a_product_beyond_what_is_kept_meets_a_limit_that_is_told(sandbox: Sandbox, name: str) -> None:
    source = LARGE[name].format(size=70 * MIB)
    ran = await execute(sandbox, LANGUAGES[name], program(LANGUAGES[name], source))
    assert ran.verdict.stopped_by == "output_limit", ran
    assert ran.verdict.detail == f"a.out is longer than {64 * MIB} bytes"


@needs("c++")
async def test_a_compiler_without_room_met_the_limit_of_the_disk(sandbox: Sandbox) -> None:
    """Its temporary files are gone at its end."""
    source = LARGE["c++"].format(size=300 * MIB)
    ran = await execute(sandbox, LANGUAGES["c++"], program(LANGUAGES["c++"], source))
    end = StageEnd("compile", ran.verdict, ran.stdout.encode(), ran.stderr.encode(), makes_product=True)
    assert ending_of(end) == Failed("disk", "in the compile stage"), ran


@needs("php")
async def test_php_loads_what_it_loads_on_this_host(sandbox: Sandbox) -> None:
    source = '<?php echo implode("\\n", array_map("strtolower", get_loaded_extensions()));'
    ours = (await execute(sandbox, LANGUAGES["php"], program(LANGUAGES["php"], source))).succeeded()
    asked = ["php", "-r", source.removeprefix("<?php ")]
    bare = await asyncio.to_thread(subprocess.run, asked, capture_output=True, check=True, text=True)
    assert set(ours.split("\n")) >= set(bare.stdout.split("\n"))
    assert {"readline", "calendar", "exif", "fileinfo", "gettext", "sockets"} <= set(ours.split("\n"))
