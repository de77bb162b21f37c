"""What must hold between the language files, and between them and the command line."""

from pathlib import Path

import pytest

from headrace.cli.run import BY_EXTENSION, UnknownLanguageError, language_of
from headrace.client.models import Language
from services.executor.languages.catalogue import load_languages
from shared.domain.events import Limits

LANGUAGES = load_languages()


def test_every_extension_means_one_language_to_executors_and_the_command_line_alike() -> None:
    meant = [
        (extension, language.name)
        for language in LANGUAGES.values()
        for extension in (language.extension, *language.other_extensions)
    ]
    assert sorted(BY_EXTENSION.items()) == sorted(meant)


def test_an_entrypoint_has_its_languages_extension() -> None:
    for language in LANGUAGES.values():
        assert language.entrypoint.endswith(f".{language.extension}")


def offered(name: str, extension: str) -> Language:
    return Language(
        name=name,
        version="1",
        aliases=(),
        extension=extension,
        entrypoint="main",
        stages=("run",),
        limits=Limits(),
    )


def test_what_executors_offer_stands_above_what_the_command_line_knows() -> None:
    offers = [offered("fortran", "f90"), offered("other", "rs")]
    assert language_of(Path("a.f90"), offers) == "fortran"
    assert language_of(Path("a.rs"), offers) == "other"
    assert language_of(Path("a.cxx"), offers) == "c++"
    with pytest.raises(UnknownLanguageError, match=r"which language is a\.f77"):
        language_of(Path("a.f77"), offers)


def test_a_shell_reads_fixed_text_only() -> None:
    """A script is the word after `-c`; what the user named comes behind it, as words of their own."""
    for language in LANGUAGES.values():
        for argv in (language.run, language.compile.argv if language.compile else ()):
            if argv[:1] == ("sh",):
                assert argv[1] == "-c"
                assert argv[3] == "sh"
                assert not argv[2].startswith("{")
                assert "eval" not in argv[2]
