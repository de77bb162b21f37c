"""Words for compilers and interpreters do in real cells what they say; and sources may have any extension."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from services.executor.languages.stages import Program
from services.executor.sandbox.interface import CellFile, Sandbox
from services.executor.sandbox.warm.sandbox import open_warm_sandbox
from tests.cases import languages
from tests.integration.sandbox.programs import EXAMPLES, LANGUAGES, execute, program

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMALL = frozenset({"c", "python", "bash"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """One for all tests."""
    async with open_warm_sandbox() as opened:
        yield opened


@dataclass(frozen=True, slots=True)
class Told:
    """A program that tells whether it got the words, and what it prints with and without them."""

    source: str
    told: str
    otherwise: str
    compiler: tuple[str, ...] = ()
    interpreter: tuple[str, ...] = ()


TOLD = {
    "c": Told(
        "#include <stdio.h>\n#include <math.h>\n#ifndef N\n#define N 1\n#endif\nint main(int n, char **a)"
        '{ printf("%ld %d %.1f\\n", __STDC_VERSION__, N, sqrt(n + 1)); }',
        "199901 7 2.0",
        "201710 1 2.0",
        compiler=("-std=c99", "-DN=7", "-O3", "-lm", "-Werror=return-type", "-march=native"),
    ),
    "c++": Told(
        "#include <iostream>\n#ifndef N\n#define N 1\n#endif\n"
        "int main() { std::cout << __cplusplus << ' ' << N; }",
        "201703 7",
        "202002 1",
        compiler=("-std=c++17", "-DN=7", "-O0", "-fconstexpr-depth=600", "-pthread"),
    ),
    "rust": Told(
        'fn main() { let async = 1; println!("{} {}", cfg!(fast), async); }',
        "true 1",
        "compile error",
        compiler=("--edition=2015", "--cfg=fast", "-Copt-level=3", "-Aunexpected_cfgs", "-Coverflow-checks"),
    ),
    "go": Told(
        'package main\nimport "fmt"\nfunc main() { fmt.Println(tagged) }',
        "true",
        "false",
        compiler=("-tags=fast", "-gcflags=-N"),
    ),
    "java": Told(
        "public class Main { static int deep(int n) { return n == 0 ? 0 : 1 + deep(n - 1); }\n"
        "public static void main(String[] a) { boolean checked = false; assert checked = true;\n"
        'System.out.println(checked + " " + System.getProperty("N") + " " + deep(100)); } }',
        "true 7 100",
        "false null 100",
        compiler=("--release=11", "-Xlint:all", "-parameters"),
        interpreter=("-ea", "-DN=7", "-Xss128m", "-Xmx200m"),
    ),
    "python": Told(
        "import sys\nassert False\nprint(__debug__, sys.get_int_max_str_digits(), sys.argv[0])",
        "False 5000 /work/main.py",
        "Traceback",
        interpreter=("-OO", "-Xint_max_str_digits=5000", "-Werror"),
    ),
    "javascript": Told(
        "console.log(typeof gc, process.execArgv.length > 0, process.argv.length)",
        "function true 4",
        "undefined false 4",
        interpreter=("--expose-gc", "--stack-size=2000"),
    ),
    "typescript": Told(
        "console.log(typeof (globalThis as any).gc)", "function", "undefined", interpreter=("--expose-gc",)
    ),
    "bash": Told("false; echo $-", "", "hB", interpreter=("-e", "-u")),
    "perl": Told("print $^W, qq(\\n)", "1", "0", interpreter=("-w", "-Mstrict", "-CSDA")),
    "ruby": Told(
        "p $VERBOSE, 'a'.frozen?",
        "true\ntrue",
        "false\nfalse",
        interpreter=("-w", "--enable=frozen-string-literal"),
    ),
    "php": Told(
        "<?php echo ini_get('precision'), ' ', error_reporting();",
        "5 7",
        "14 32767",
        interpreter=("-dprecision=5", "-derror_reporting=7"),
    ),
    "lua": Told("print(debug.getregistry().LUA_NOENV)", "true", "nil", interpreter=("-W", "-E")),
}


async def test_every_language_that_has_words_is_told_some() -> None:
    assert TOLD.keys() == {
        name for name, each in LANGUAGES.items() if each.compiler_args or each.interpreter_args
    }


@pytest.mark.parametrize("name", languages(TOLD, SMALL))
async def test_words_reach_the_compiler_and_the_interpreter(sandbox: Sandbox, name: str) -> None:
    told, language = TOLD[name], LANGUAGES[name]
    plain = program(language, told.source)
    if name == "go":
        tagged = {"a.go": "//go:build fast\n\npackage main\n\nconst tagged = true\n"}
        tagged["b.go"] = "//go:build !fast\n\npackage main\n\nconst tagged = false\n"
        more = tuple(CellFile(path, text.encode()) for path, text in tagged.items())
        plain = replace(plain, files=(*plain.files, *more))
    otherwise = await execute(sandbox, language, plain)
    with_words = replace(plain, compiler_args=told.compiler, interpreter_args=told.interpreter)
    ran = await execute(sandbox, language, with_words)
    assert ran.stdout.split() == told.told.split(), (ran.verdict, ran.stderr)
    if told.otherwise == "compile error":
        assert otherwise.verdict.exit_code != 0
    else:
        assert told.otherwise in otherwise.stdout + otherwise.stderr


@pytest.mark.parametrize("name", languages(EXAMPLES, SMALL))
async def test_an_entrypoint_may_have_any_extension(sandbox: Sandbox, name: str) -> None:
    language = LANGUAGES[name]
    submitted = program(language, EXAMPLES[name].echo)
    for path in ("prog.txt", "folder/a-submission"):
        file = CellFile(path, EXAMPLES[name].echo.encode())
        ran = await execute(sandbox, language, replace(submitted, files=(file,), entrypoint=path))
        assert ran.succeeded() == EXAMPLES[name].echoed, path


@pytest.mark.parametrize("name", languages(["c", "c++", "java", "rust"], {"c"}))
async def test_words_that_the_compiler_itself_refuses_are_a_compile_error(
    sandbox: Sandbox, name: str
) -> None:
    words = {
        "c": ("-Wno-such-warning", "-Werror=no-such-warning"),
        "c++": ("-Wno-such-warning", "-Werror=no-such-warning"),
        "java": ("--release=8", "--enable-preview"),
        "rust": ("-Dwarnings",),
    }
    wrong = {"java": "class Main { }", "rust": "fn main() { let unused = 1; }"}
    language = LANGUAGES[name]
    source = wrong.get(name, "int main() { return 0; }")
    submitted = Program(
        (CellFile(language.entrypoint, source.encode()),), language.entrypoint, language.default_limits,
        compiler_args=words[name],
    )  # fmt: skip
    ran = await execute(sandbox, language, submitted)
    assert ran.verdict.exit_code not in (0, None)
    assert ran.stderr
    assert "Exception in thread" not in ran.stderr


SAMPLES = {"name": "NAME", "number": "5000", "size": "100m", "value": "1"}
WARNINGS = {"java": "unchecked", "rust": "unused"}
NOT_EVERYWHERE = ("release version", "edition")
"""What compilers say of a version of their language for which they are too old or too new."""
NOT_ALONE = frozenset({"--enable-preview"})


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", languages(TOLD, ()))
async def test_every_word_of_the_catalogue_is_one_that_its_command_takes(sandbox: Sandbox, name: str) -> None:
    """A word that the command does not know would be allowed and then be an error."""
    language = LANGUAGES[name]
    samples = {**SAMPLES, "warning": WARNINGS.get(name, "unused")}
    submitted = program(language, EXAMPLES[name].echo)
    tries = [replace(submitted, compiler_args=(_sample(form, samples),)) for form in language.compiler_forms]
    tries += [
        replace(submitted, interpreter_args=(_sample(form, samples),)) for form in language.interpreter_forms
    ]
    wrong = []
    for one in tries:
        (word,) = (*one.compiler_args, *one.interpreter_args)
        ran = await execute(sandbox, language, one)
        is_for_others = any(each in ran.stderr for each in NOT_EVERYWHERE)
        if ran.verdict.exit_code != 0 and word not in NOT_ALONE and not is_for_others:
            wrong.append((word, ran.stdout, ran.stderr))
    assert wrong == []


def _sample(form: str, samples: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: samples[found[1]], form)
