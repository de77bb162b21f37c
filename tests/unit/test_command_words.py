"""Where a submission's words stand in the commands of its language, and what they change around them."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.attempts.compile_cache import key_of
from services.executor.languages.catalogue import FOLDER, LanguageError, Offered, load_languages
from services.executor.languages.plan import Plan
from services.executor.languages.stages import Program, program_of
from services.executor.sandbox.interface import CellFile, RejectedError
from services.executor.sandbox.warm.job_file import is_warm
from services.executor.sandbox.warm.runtimes import java, node
from tests import builders

LANGUAGES = load_languages()
COMPILED = sorted(name for name, language in LANGUAGES.items() if language.compiler_forms)
INTERPRETED = sorted(name for name, language in LANGUAGES.items() if language.interpreter_forms)


def literal(forms: tuple[str, ...]) -> str:
    return next(form for form in forms if "{" not in form)


def program(name: str, compiler: tuple[str, ...] = (), interpreter: tuple[str, ...] = ()) -> Program:
    language = LANGUAGES[name]
    return Program(
        files=(CellFile(language.entrypoint, b""),),
        entrypoint=language.entrypoint,
        limits=language.default_limits,
        args=("-O3", "own"),
        compiler_args=compiler,
        interpreter_args=interpreter,
    )


def argv(name: str, position: int, submitted: Program) -> tuple[str, ...]:
    return Plan(LANGUAGES[name], submitted).stage(position, b"").argv


def test_every_language_but_sqlite_has_words_for_its_compiler_or_its_interpreter() -> None:
    assert {*COMPILED, *INTERPRETED, "sqlite"} == LANGUAGES.keys()


@pytest.mark.parametrize("name", COMPILED)
def test_the_compiler_gets_its_words_and_the_program_none(name: str) -> None:
    word = literal(LANGUAGES[name].compiler_forms)
    submitted = program(name, compiler=(word, word))
    plain, added = argv(name, 0, program(name)), argv(name, 0, submitted)
    assert added.count(word) == plain.count(word) + 2
    assert argv(name, 1, submitted) == argv(name, 1, program(name))


@pytest.mark.parametrize("name", INTERPRETED)
def test_the_interpreter_gets_its_words_before_the_program(name: str) -> None:
    language = LANGUAGES[name]
    word = literal(language.interpreter_forms)
    last = len(language.stages) - 1
    plain, added = argv(name, last, program(name)), argv(name, last, program(name, interpreter=(word,)))
    place = added.index(word)
    assert (*added[:place], *added[place + 1 :]) == plain
    assert place < next(number for number, each in enumerate(added) if each.startswith("/work/"))


def test_a_default_gives_way_to_a_word_that_sets_the_same() -> None:
    compiled = argv("rust", 0, program("rust", compiler=("--edition=2018", "--cfg=fast")))
    assert [word for word in compiled if "edition" in word] == ["--edition=2018"]
    assert "-std=gnu17" not in argv("c", 0, program("c", compiler=("-std=c99",)))
    assert "-std=gnu17" in argv("c", 0, program("c", compiler=("-DX=1",)))
    # What starts the compiler of Java is no word of the program's machine.
    assert argv("java", 0, program("java", interpreter=("-XX:TieredStopAtLevel=4",))) == argv(
        "java", 0, program("java")
    )


def test_a_word_that_the_language_file_does_not_allow_is_rejected_whoever_let_it_pass() -> None:
    for name, words in (
        ("c", {"compiler": ("-O2", "-fplugin=x")}),
        ("c", {"interpreter": ("-O2",)}),
        ("python", {"compiler": ("-O",)}),
        ("python", {"interpreter": ("-c",)}),
    ):
        with pytest.raises(RejectedError, match=f"is not one of the .*_args that {name} allows here"):
            Plan(LANGUAGES[name], program(name, **words))


def test_the_words_of_an_event_are_those_of_its_program() -> None:
    made = program_of(builders.queued(compiler_args=("-O2",), interpreter_args=("-O",)))
    assert (made.compiler_args, made.interpreter_args) == (("-O2",), ("-O",))
    plain = program_of(builders.queued())
    assert (plain.compiler_args, plain.interpreter_args) == ((), ())


@pytest.mark.parametrize("name", COMPILED)
def test_a_product_is_kept_for_the_words_that_it_was_made_with(name: str) -> None:
    language = LANGUAGES[name]
    one, other = [form for form in language.compiler_forms if "{" not in form][:2]
    submitted = [
        program(name),
        *(program(name, compiler=words) for words in ((one,), (other,), (one, other), (other, one))),
    ]
    offered = Offered(language, "1")
    keys = [
        key_of("alice", offered, Plan(language, each).stage(0), runtime_digest=None) for each in submitted
    ]
    assert len(set(keys)) == len(keys)


def test_an_interpreter_that_is_ready_is_not_used_for_other_words() -> None:
    python = LANGUAGES["python"]
    assert is_warm(Plan(python, program("python")).stage(0), frozenset())
    assert not is_warm(Plan(python, program("python", interpreter=("-O",))).stage(0), frozenset())
    for runtime, name, word in ((node(), "javascript", "--expose-gc"), (java(), "java", "-Xint")):
        last = len(LANGUAGES[name].stages) - 1
        without, with_word = (
            Plan(LANGUAGES[name], replace(program(name, interpreter=words), args=())).stage(last, b"")
            for words in ((), (word,))
        )
        assert runtime.can_run(without, has_cgroups=True)
        assert not runtime.can_run(with_word, has_cgroups=True)


def test_an_entrypoint_without_the_languages_extension_is_a_source_as_well() -> None:
    for name, way in (
        ("c", ("-x", "c", "/work/prog.txt", "-x", "none")),
        ("c++", ("-x", "c++", "/work/prog.txt", "-x", "none")),
    ):
        files = (
            CellFile("prog.txt", b""),
            CellFile(f"b.{LANGUAGES[name].extension}", b""),
            CellFile("data", b""),
        )
        compiled = argv(name, 0, replace(program(name), files=files, entrypoint="prog.txt"))
        place = compiled.index("-x")
        assert compiled[place : place + 5] == way
        assert compiled[place - 1] == f"/work/b.{LANGUAGES[name].extension}"
        assert "/work/data" not in compiled
    assert "-x" not in argv("c", 0, program("c"))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('interpreter_args = ["-W", "-E"]', 'interpreter_args = ["-W", "x"]', "'x' is no form"),
        ('interpreter_args = ["-W", "-E"]', 'interpreter_args = ["-{W,{path}}"]', "no form"),
        ('interpreter_args = ["-W", "-E"]', 'interpreter_args = ["-{path}"]', "'path' is not one of"),
        ('interpreter_args = ["-W", "-E"]', 'compiler_args = ["-W"]', "{compiler_args} is for"),
        ('"{interpreter_args}", ', "", "{interpreter_args} is for"),
    ],
)
def test_a_language_file_with_a_wrong_list_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    text = (FOLDER / "lua.toml").read_text()
    assert text.count(old) == 1
    (tmp_path / "lua.toml").write_text(text.replace(old, new))
    with pytest.raises(LanguageError, match=re.escape(why)):
        load_languages(tmp_path)
