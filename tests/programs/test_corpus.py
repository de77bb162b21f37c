"""What must hold of the corpus itself, and that a wrong ending of a program is seen."""

import dataclasses

import pytest

from tests.programs.corpus import FIVE, HERE, LANGUAGES, MANY, Ended, names_of, read_program


def test_every_language_has_its_folder_and_nothing_else_has() -> None:
    assert {path.name for path in HERE.iterdir() if path.is_dir()} - {"__pycache__"} == LANGUAGES.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_enough_programs_of_a_language(language: str) -> None:
    names = names_of(language)
    assert len(names) >= (30 if language in MANY else 15)
    assert set(FIVE) <= set(names)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_program_has_its_entrypoint_and_an_end_that_can_be(language: str) -> None:
    for name in names_of(language):
        program = read_program(language, name)
        assert program.entrypoint in {file.path for file in program.files}, name
        case = program.case
        assert case.stage == "run" or (program.language.compile and case.exit_code and not program.stdout), (
            name
        )


def test_line_endings_marks_and_last_lines_are_as_they_were_written() -> None:
    """Neither git nor an editor may change them."""
    programs = [read_program(language, name) for language in LANGUAGES for name in names_of(language)]
    inputs = [program.stdin for program in programs if program.stdin]
    assert sum(b"\r\n" in text for text in inputs) >= len(LANGUAGES) - 1
    assert sum(not text.endswith(b"\n") for text in inputs) >= len(LANGUAGES) - 1
    assert sum(text.startswith(b"\xef\xbb\xbf") for text in inputs) >= len(MANY)
    sources = [file.content for program in programs for file in program.files]
    assert sum(text.startswith(b"\xef\xbb\xbf") and b"\r\n" in text for text in sources) >= len(MANY) - 2


ENDED = Ended(stage="run", exit_code=0, signal=None, stdout=b"8 29 -1 9\nmean 3.625\n", stderr=b"")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"stdout": b"8 29 -1 9\r\nmean 3.625\n"}, "stdout differs"),
        ({"stdout": b"8 29 -1 9\nmean 3.625"}, "stdout differs"),
        ({"exit_code": 1}, "ended with"),
        ({"exit_code": None, "signal": 9}, "ended with"),
        ({"stage": "compile"}, "ended with"),
        ({"stderr": b"careful"}, "stderr is not empty"),
    ],
)
def test_any_other_end_is_a_fault(changes: dict[str, object], fault: str) -> None:
    program = read_program("python", "numbers_to_eof")
    assert program.faults(ENDED) == []
    found = program.faults(dataclasses.replace(ENDED, **changes))  # type: ignore[arg-type]  # real fields
    assert len(found) == 1
    assert fault in found[0]
    assert found[0].startswith("python/numbers_to_eof: ")


def test_words_that_stderr_lacks_are_a_fault() -> None:
    program = read_program("python", "exit_code")
    ended = Ended(stage="run", exit_code=3, signal=None, stdout=program.stdout, stderr=b"other words")
    assert ["stderr lacks" in fault for fault in program.faults(ended)] == [True]
