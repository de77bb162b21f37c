"""What a client is told of words that its language does not allow."""

import msgspec
import pytest

from services.api.jobs.new_job import NewJob
from services.api.jobs.schemas import SubmissionBody
from services.api.jobs.word_policy import are_allowed, check_words
from services.api.languages.catalogue import offers_in_common
from services.api.sessions.documents import StoredRevision, fingerprint_of, submission_of
from services.api.sessions.schemas import RunBody
from shared.contract.problems import FieldError, Problem, ProblemError
from shared.domain.events import Isolation, Limits
from shared.jetstream.presence import LanguageOffer, Presence
from tests.builders import NOON

C = LanguageOffer(
    name="c",
    version="12",
    aliases=("gcc",),
    extension="c",
    entrypoint="main.c",
    stages=("compile", "run"),
    limits=Limits(),
    compiler_args=("-O2", "-D{name}"),
)


def new(*compiler: str, interpreter: tuple[str, ...] = ()) -> NewJob:
    return NewJob(
        language="gcc", fingerprint="f", code="", compiler_args=compiler, interpreter_args=interpreter
    )


def problem(job: NewJob) -> Problem:
    assert not are_allowed(job, C)
    with pytest.raises(ProblemError) as caught:
        check_words(job, C)
    return caught.value.problem


def test_allowed_words_pass() -> None:
    for job in (new(), new("-O2", "-DX")):
        assert are_allowed(job, C)
        check_words(job, C)


def test_each_refused_word_has_its_place_and_what_is_allowed_is_told() -> None:
    found = problem(new("-O2", "-fplugin=x", "-DX", "-O2\n"))
    assert found.kind.slug == "invalid-request"
    assert found.detail == "allowed are compiler_args of c: -O2, -D{name}"
    assert found.errors == (
        FieldError("compiler_args.1", "'-fplugin=x' is not allowed"),
        FieldError("compiler_args.3", "'-O2\\n' is not allowed"),
    )


def test_a_language_without_an_interpreter_takes_no_words_for_one() -> None:
    found = problem(new("-O3", interpreter=("-O2",)))
    assert found.detail == "allowed are compiler_args of c: -O2, -D{name}; interpreter_args of c: none"
    assert [one.field for one in found.errors] == ["compiler_args.0", "interpreter_args.0"]


def test_a_long_word_is_not_told_whole() -> None:
    (error,) = problem(new("-D" + "\x1b" * 254)).errors
    assert len(error.message) < 300
    assert "\x1b" not in error.message


def presence(*offers: LanguageOffer) -> Presence:
    return Presence(executor_id="x", time=NOON, slots=1, isolation=Isolation(), languages=offers)


def test_words_are_allowed_where_every_executor_allows_them() -> None:
    """Any of them may get the job. The older one tells of no words at all."""
    wider = msgspec.structs.replace(C, compiler_args=("-O3", "-O2"), version="13")
    older = msgspec.structs.replace(C, compiler_args=())
    python = msgspec.structs.replace(C, name="python", compiler_args=(), interpreter_args=("-O",))
    assert list(offers_in_common([presence(C), presence(wider, python)])) == [
        msgspec.structs.replace(wider, compiler_args=("-O2",)),
        python,
    ]
    assert list(offers_in_common([presence(wider), presence(older), presence(wider)])) == [
        msgspec.structs.replace(wider, compiler_args=())
    ]


FIELDS = ("compiler_args", "interpreter_args")
BASELINE = "e8ccf7ca93f4d9f321deecf92e515e1a51c98f1f670e3e662e0a83667da95762"
"""As a version without these fields made it."""


@pytest.mark.parametrize("field", FIELDS)
def test_a_fingerprint_is_as_before_without_words_and_another_with_them(field: str) -> None:
    body = {"language": "c", "code": ""}
    plain = SubmissionBody.model_validate(body)
    assert plain.to_new_job().fingerprint == BASELINE
    assert SubmissionBody.model_validate({**body, field: []}).to_new_job().fingerprint == BASELINE
    with_words = SubmissionBody.model_validate({**body, field: ["-O2"]})
    assert with_words.to_new_job().fingerprint != plain.to_new_job().fingerprint
    assert fingerprint_of(with_words) != fingerprint_of(plain)
    assert field not in plain.model_dump_json(exclude=dict.fromkeys(FIELDS, True))


@pytest.mark.parametrize("field", FIELDS)
def test_a_run_of_a_session_has_the_documents_words_or_its_own(field: str) -> None:
    document = msgspec.Raw(msgspec.json.encode({"language": "c", "code": "", field: ["-O1"]}))
    stored = StoredRevision(created_at=NOON, saved_at=NOON, document=document)
    assert getattr(submission_of(stored, RunBody()), field) == ("-O1",)
    assert getattr(submission_of(stored, RunBody.model_validate({field: ["-O2"]})), field) == ("-O2",)
    assert getattr(submission_of(stored, RunBody.model_validate({field: []})), field) == ()


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "words", [["-O2"] * 33, ["-" + "a" * 256], ["-O2\0"], "-O2", [2], [None], {"a": "b"}]
)
def test_the_body_bounds_them_for_every_language(field: str, words: object) -> None:
    with pytest.raises(ValueError, match=field):
        SubmissionBody.model_validate({"language": "c", "code": "", field: words})
