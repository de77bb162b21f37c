"""Every language of the catalogue in real cells: what its programs get, say, and end with."""

import dataclasses
from collections.abc import Collection

import msgspec
import pytest

from services.executor.languages.stages import compile_stage
from services.executor.sandbox.interface import CellFile, Sandbox
from shared.domain.events import Limits
from tests.hosts import needs
from tests.integration.sandbox.cells import KINDS, MIB, run
from tests.integration.sandbox.programs import EXAMPLES, LANGUAGES, execute, program

IN_THE_SMALL_TIER = frozenset({"python", "bash", "c"})
"""An interpreter, a shell, a compiler."""


def in_every_kind(names: Collection[str], *, small: frozenset[str] = frozenset()) -> pytest.MarkDecorator:
    """Languages in both kinds of cells; in warm ones, the small tier has those that are `small` as well."""
    also = {("warm", name) for name in small}
    return pytest.mark.parametrize(
        ("sandbox", "name"),
        [
            pytest.param(
                kind,
                name,
                marks=[
                    needs(name),
                    *(() if name in IN_THE_SMALL_TIER or (kind, name) in also else (pytest.mark.full,)),
                ],
            )
            for kind in KINDS
            for name in names
        ],
        indirect=["sandbox"],
        scope="module",
    )


ALL_IN_THE_SMALL_TIER = in_every_kind(EXAMPLES, small=frozenset(EXAMPLES))
EVERY = in_every_kind(EXAMPLES)
# Go refuses a source file of any but the plainest name, by itself.
ANYHOW_NAMED = in_every_kind([name for name in EXAMPLES if name != "go"])
COMPILED = in_every_kind([name for name, each in EXAMPLES.items() if each.wrong])


def test_every_language_has_examples() -> None:
    assert EXAMPLES.keys() == LANGUAGES.keys()
    compiled = {name for name, language in LANGUAGES.items() if language.compile}
    assert {name for name, example in EXAMPLES.items() if example.wrong} == compiled


@ALL_IN_THE_SMALL_TIER
async def test_a_program_gets_its_arguments_environment_and_input(sandbox: Sandbox, name: str) -> None:
    ran = await execute(sandbox, LANGUAGES[name], program(LANGUAGES[name], EXAMPLES[name].echo))
    assert ran.succeeded() == EXAMPLES[name].echoed
    assert ran.stderr == ""


@EVERY
async def test_a_failure_has_its_exit_code_and_its_words(sandbox: Sandbox, name: str) -> None:
    failure = EXAMPLES[name].fails
    ran = await execute(sandbox, LANGUAGES[name], program(LANGUAGES[name], failure.source))
    assert (ran.verdict.exit_code, ran.verdict.stopped_by) == (failure.exit_code, None), ran.stderr
    assert failure.words in ran.stderr


@EVERY
async def test_a_program_of_several_files(sandbox: Sandbox, name: str) -> None:
    several = EXAMPLES[name].several
    more = (CellFile(path, content.encode()) for path, content in several.files.items())
    ran = await execute(sandbox, LANGUAGES[name], program(LANGUAGES[name], several.source, *more))
    assert ran.succeeded() == several.printed


@COMPILED
async def test_a_compile_error_is_the_compilers_own(sandbox: Sandbox, name: str) -> None:
    wrong = EXAMPLES[name].wrong
    assert wrong is not None
    submitted = program(LANGUAGES[name], wrong.source)
    assert LANGUAGES[name].compile is not None
    ran = await execute(sandbox, LANGUAGES[name], submitted)
    assert (ran.verdict.exit_code, ran.verdict.kept) == (wrong.exit_code, None), ran.stdout
    assert wrong.words in ran.stderr


@ANYHOW_NAMED
async def test_the_name_of_a_file_is_never_read_as_anything_else(sandbox: Sandbox, name: str) -> None:
    """Compilers, scripts and shells all get it; quotes and a substitution in it must mean nothing."""
    language, example = LANGUAGES[name], EXAMPLES[name]
    submitted = program(language, example.echo)
    odd = f"""-$(exit 9) 'q" `exit 9`.{language.extension}"""
    # A public class of Java must be called like its file.
    files = (CellFile(odd, example.echo.replace("public class", "class").encode()),)
    ran = await execute(sandbox, language, dataclasses.replace(submitted, files=files, entrypoint=odd))
    assert ran.succeeded() == example.echoed


@needs("java")
@pytest.mark.full
async def test_the_heap_of_java_follows_the_limit_of_memory(sandbox: Sandbox) -> None:
    """Garbage is collected below the limit, and what cannot be collected is Java's own error."""
    java = LANGUAGES["java"]
    waste = (
        "import java.util.*;\nclass Main { public static void main(String[] args) {\n"
        "  List<byte[]> kept = new ArrayList<>(); for (int n = 0; n < 2000; n++) {\n"
        "    byte[] block = new byte[1 << 20]; if (KEEP) kept.add(block); }\n"
        "  System.out.println(kept.size()); } static final boolean KEEP = %s; }"
    )
    ran = await execute(sandbox, java, program(java, waste % "false"))
    assert ran.succeeded() == "0\n"
    ran = await execute(sandbox, java, program(java, waste % "true"))
    assert (ran.verdict.exit_code, ran.verdict.stopped_by) == (1, None)
    assert "OutOfMemoryError" in ran.stderr


@needs("java")
@pytest.mark.full
async def test_java_without_a_main_method_does_not_compile(sandbox: Sandbox) -> None:
    ran = await execute(sandbox, LANGUAGES["java"], program(LANGUAGES["java"], "class Other {}"))
    assert (ran.verdict.exit_code, ran.verdict.kept) == (1, None)
    assert "no class has a main method" in ran.stderr


@needs("go")
@pytest.mark.full
async def test_the_network_package_of_go_is_not_compiled_anew(sandbox: Sandbox) -> None:
    """That alone would take several times this limit."""
    go = LANGUAGES["go"]
    source = 'package main\nimport ("fmt"; "net/http")\nfunc main() { fmt.Println(http.StatusOK) }'
    compilation = compile_stage(go, program(go, source))
    hasty = dataclasses.replace(compilation, limits=msgspec.structs.replace(compilation.limits, cpu_ms=2500))
    assert (await run(sandbox, hasty)).verdict.exit_code == 0


@in_every_kind(("rust", "go", "c++"), small=frozenset({"c++"}))
async def test_what_is_compiled_runs_in_little_memory(sandbox: Sandbox, name: str) -> None:
    """The compiler's needs are not the program's."""
    language = LANGUAGES[name]
    submitted = program(language, EXAMPLES[name].echo)
    small = dataclasses.replace(submitted, limits=Limits(memory_bytes=32 * MIB))
    assert (await execute(sandbox, language, small)).succeeded() == EXAMPLES[name].echoed
