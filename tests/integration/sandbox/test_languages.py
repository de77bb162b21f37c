"""The catalogue, how a program's stages are made of it, and what compilers are kept from."""

import dataclasses
from pathlib import Path

import pytest

from services.executor.languages.catalogue import (
    FOLDER,
    Compiler,
    Language,
    LanguageError,
    Offered,
    load_languages,
    probe_languages,
)
from services.executor.languages.stages import Program, compile_stage, run_stage
from services.executor.sandbox.interface import CellFile, RejectedError, Sandbox
from shared.domain.events import Limits
from tests.hosts import OFFERED, needs_cc
from tests.integration.sandbox.cells import run
from tests.integration.sandbox.programs import LANGUAGES, execute, program


async def test_every_language_that_the_host_has_is_offered(sandbox: Sandbox) -> None:
    found = await probe_languages(sandbox, LANGUAGES)
    assert found.keys() == OFFERED
    for each in found.values():
        assert each.version[0].isdigit(), each


async def test_a_language_that_the_cell_does_not_have_is_not_offered(sandbox: Sandbox) -> None:
    absent = Language(name="absent", extension="x", entrypoint="x", version=("no-such-command",), run=("x",))
    failing = Language(name="failing", extension="x", entrypoint="x", version=("false",), run=("x",))
    assert await probe_languages(sandbox, {"absent": absent, "failing": failing}) == {}


async def test_a_language_that_calls_itself_nothing_in_particular(sandbox: Sandbox) -> None:
    language = Language(
        name="odd", extension="x", entrypoint="x", version=("echo", "the odd one"), run=("x",)
    )
    assert await probe_languages(sandbox, {"odd": language}) == {"odd": Offered(language, "the odd one")}


@needs_cc
async def test_the_files_beside_the_entrypoint_are_there_in_both_stages(sandbox: Sandbox) -> None:
    beside = CellFile("input/table.txt", b"from a file\n")
    python = LANGUAGES["python"]
    ran = await execute(
        sandbox, python, program(python, "print(open('input/table.txt').read(), end='')", beside)
    )
    assert ran.succeeded() == "from a file\n"
    c = LANGUAGES["c"]
    main = 'int main(void) { char s[99]; puts(fgets(s, 99, fopen("input/table.txt", "r"))); }'
    source = f"#include <stdio.h>\n{main}"
    assert "from a file" in (await execute(sandbox, c, program(c, source, beside))).succeeded()


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        pytest.param('#include "/etc/shadow"\n', "No such file", id="a secret of the host"),
        pytest.param('__asm__(".incbin \\"/root/.bashrc\\"");\n', "file not found", id="a file of the host"),
    ],
)
@needs_cc
async def test_the_compiler_reads_only_its_cell(sandbox: Sandbox, source: str, refusal: str) -> None:
    ran = await execute(
        sandbox, LANGUAGES["c"], program(LANGUAGES["c"], f"{source}int main(void) {{ return 0; }}")
    )
    assert ran.verdict.exit_code == 1
    assert refusal in ran.stderr


@needs_cc
async def test_an_endless_compilation_is_ended(sandbox: Sandbox) -> None:
    doubled = (f"#define M{level} M{level - 1} M{level - 1}" for level in range(1, 40))
    source = "\n".join(["#define M0 + 1", *doubled, "int number = 0 M39;"])
    compilation = compile_stage(LANGUAGES["c"], program(LANGUAGES["c"], source))
    hasty = dataclasses.replace(compilation, limits=Limits(cpu_ms=700))
    verdict = (await run(sandbox, hasty)).verdict
    assert verdict.stopped_by in ("cpu_time", "memory")
    assert verdict.kept is None


@needs_cc
async def test_a_file_called_like_the_product_does_not_replace_it(sandbox: Sandbox) -> None:
    c = LANGUAGES["c"]
    planted = CellFile("a.out", b"#!/bin/sh\necho planted\n", executable=True)
    ran = await execute(
        sandbox, c, program(c, '#include <stdio.h>\nint main(void) { puts("built"); }', planted)
    )
    assert ran.succeeded() == "built\n"


def test_a_run_without_its_product_is_rejected() -> None:
    with pytest.raises(RejectedError, match=r"a\.out"):
        run_stage(LANGUAGES["c"], program(LANGUAGES["c"], ""), None)


def test_placeholders_stand_for_whole_words_only() -> None:
    language = Language(
        name="x",
        extension="x",
        entrypoint="-c",
        version=("x",),
        run=("x", "{entrypoint}", "a{args}", "{args}"),
    )
    submitted = Program(files=(), entrypoint="-c", limits=Limits(), args=("{entrypoint}", "1"))
    assert run_stage(language, submitted).argv == ("x", "/work/-c", "a{args}", "{entrypoint}", "1")


def test_the_users_variables_stand_above_the_languages() -> None:
    python = LANGUAGES["python"]
    submitted = Program(files=(), entrypoint="x", limits=Limits(), env=(("PYTHONUNBUFFERED", ""),))
    assert dict(run_stage(python, submitted).env)["PYTHONUNBUFFERED"] == ""


def test_the_compilers_variables_are_not_the_programs() -> None:
    language = Language(
        name="x",
        extension="x",
        entrypoint="x",
        version=("x",),
        run=("x", "{memory_bytes}"),
        env={"A": "both"},
        compile=Compiler(argv=("x",), product="out", env={"B": "compiler"}),
    )
    submitted = Program(files=(), entrypoint="x", limits=Limits(memory_bytes=7))
    compilation = compile_stage(language, submitted)
    assert dict(compilation.env) == {"A": "both", "B": "compiler", "TMPDIR": "/work"}
    stage = run_stage(language, submitted, b"")
    assert dict(stage.env) == {"A": "both"}
    assert stage.argv == ("x", "7")


def test_a_languages_limits_change_only_what_they_name() -> None:
    assert LANGUAGES["python"].default_limits == Limits()
    assert LANGUAGES["javascript"].default_limits == Limits(memory_bytes=512 * 1024 * 1024)


GOOD = 'name = "x"\nextension = "x"\nentrypoint = "x"\nversion = ["x"]\nrun = ["x"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "x.toml"),
        ('name = "x"', "missing required field"),
        (GOOD + "colour = 1", "unknown field `colour`"),
        (GOOD + "[limits]\nmemory = 1", "unknown field `memory`"),
        (GOOD + '[limits]\nwall_ms = "1"', "Expected `int"),
        (GOOD.replace('"x"\n', '"y"\n', 1), "the name is 'y'"),
        (GOOD.replace('run = ["x"]', 'run = ["{file}"]'), "'{file}' is not a placeholder"),
        (GOOD.replace('run = ["x"]', 'run = ["{product}"]'), "nothing compiles"),
    ],
)
def test_a_wrong_language_file_is_named_with_its_fault(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(LanguageError, match=message) as caught:
        load_languages(tmp_path)
    assert "x.toml" in str(caught.value)


def test_two_languages_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(GOOD)
    (tmp_path / "y.toml").write_text('aliases = ["x"]\n' + GOOD.replace('"x"', '"y"'))
    with pytest.raises(LanguageError, match="both 'x' and 'y'"):
        load_languages(tmp_path)


def test_every_file_of_the_catalogue_is_read() -> None:
    assert sorted(LANGUAGES) == sorted(path.stem for path in FOLDER.glob("*.toml"))
