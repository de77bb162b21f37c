"""Forms allow whole words of their letters and classes, and nothing that only looks like one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.languages.catalogue import Language, load_languages
from shared.domain.allowed_words import CLASSES, WORD_LENGTH_MAX, check_form, refused

FORMS = ("-O2", "-D{name}", "-D{name}={value}", "-Xss{size}", "-depth={number}", "-W{warning}", "-std=c++20")
SAMPLES = {"name": "NAME", "number": "12", "size": "64m", "value": "a.b", "warning": "no-all"}
LANGUAGES = load_languages()


def forms_of(language: Language) -> tuple[str, ...]:
    return (*language.compiler_forms, *language.interpreter_forms)


ALL_FORMS = sorted({form for language in LANGUAGES.values() for form in forms_of(language)})


@pytest.mark.parametrize(
    "word",
    [
        "-O2",
        "-DX",
        "-D_x1",
        "-DX=",
        "-DX=1",
        "-DX=1.5e-3",
        "-Xss64m",
        "-Xss1",
        "-depth=9",
        "-Wall",
        "-std=c++20",
    ],
)
def test_a_word_of_a_form_is_allowed(word: str) -> None:
    assert refused([word], FORMS) == []


@pytest.mark.parametrize(
    "word",
    [
        *(
            "",
            "-",
            "-O",
            "-O22",
            "O2",
            "-o2",
            "-O2\n",
            "\n-O2",
            "-O2\0",
            "-O2 ",
            " -O2",
            "-O2 -O3",
            "\u2212O2",
        ),
        *("-O\uff12", "-D", "-D1", "-D=1", "-DX\n", "-DX=1\n", "-DX=a b", "-DX=$(id)", "-DX=`id`", "-DX='a'"),
        *(
            "-DX=/etc/x",
            "-D\u00c4",
            "-DX=\uff11",
            "-Xss",
            "-Xssm",
            "-Xss64mm",
            "-Xss-1",
            "-depth=",
            "-W",
            "-Wl,-x",
        ),
        *(
            "-W-all",
            "-std=c+++20",
            "-stdXc++20",
            f"-D{'X' * 65}",
            f"-DX={'1' * 129}",
            f"-W{'a' * 10_000_000}",
        ),
    ],
    ids=lambda word: ascii(word[:20]),
)
def test_whatever_else_is_not(word: str) -> None:
    assert refused(["-O2", word], FORMS) == [1]


def test_no_forms_allow_nothing_and_no_words_need_none() -> None:
    assert refused(["-O2", ""], ()) == [0, 1]
    assert refused([], ()) == []


def test_a_form_of_a_newer_version_allows_nothing_and_spoils_nothing() -> None:
    assert refused(["-q{path}", "-qx", "-O2"], ("-q{path}", "-O2")) == [0, 1]


@pytest.mark.parametrize(
    "form",
    [
        *(
            "",
            "O2",
            "@x",
            "-a b",
            "-a\n",
            "-a\0",
            "-{path}",
            "-{}",
            "-{a,b}",
            "-{name",
            "-name}",
            "-{name}{name}",
        ),
        *("-\u00e4", "-{name}:{name}:{name}", f"-{'a' * WORD_LENGTH_MAX}"),
    ],
    ids=lambda form: ascii(form[:20]),
)
def test_what_is_no_form_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match=r"is no form|is not one of"):
        check_form(form)


def test_no_expression_can_try_a_letter_twice() -> None:
    """A repetition that gives nothing back and has a bound: the cost is at most one look at each letter."""
    for expression in CLASSES.values():
        repetitions = re.findall(r"\][*+?{][^\[]*", expression)
        assert all(re.fullmatch(r"\](?:\{\d+,\d+\}\+|\?)", each) for each in repetitions), expression


@pytest.mark.parametrize("form", ALL_FORMS)
def test_every_form_of_the_catalogue_allows_a_word(form: str) -> None:
    """A repetition that gives nothing back could take what the rest of the form needs."""
    check_form(form)
    word = re.sub(r"\{(\w+)\}", lambda found: SAMPLES[found[1]], form)
    assert refused([word], [form]) == []


@given(st.sampled_from(ALL_FORMS), st.data())
def test_what_a_form_allows_is_one_plain_word(form: str, data: st.DataObject) -> None:
    """No path, no list of the linker's, no file of arguments, no quote, no blank."""
    word = data.draw(
        st.from_regex(
            re.sub(r"\\?\{(\w+)\\?\}", lambda found: CLASSES[found[1]].replace("}+", "}"), re.escape(form))
        )
    )
    if refused([word], [form]) == []:
        assert re.fullmatch(r"-[A-Za-z0-9_.+=:-]+", word)
