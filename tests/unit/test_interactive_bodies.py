"""Programs that read while they run: what submissions may say of them, and what becomes of it."""

import base64
import typing
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest
from pydantic import BaseModel, ValidationError

from services.api.interaction.refusals import KINDS, position_of
from services.api.interaction.schemas import InputBody, SignalBody
from services.api.jobs.interactive import LIVE_STDIN, interaction_of
from services.api.jobs.limit_policy import check_bounds, clamped_limits, default_limits
from services.api.jobs.schemas import SubmissionBody, TerminalBody
from services.api.jobs.waiting_reason import Outlook, WaitingFor
from services.api.languages.catalogue import Catalogue
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.sessions.documents import StoredRevision, document_of, fingerprint_of, submission_of
from services.api.sessions.schemas import RunBody, SessionBody
from services.api.settings import ApiSettings
from shared.auth import Caller
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.dialects.sentences import sentence_of
from shared.domain.events import ClampedLimit, Limits
from shared.domain.interaction import PIECE_BYTES_MAX, Interaction, TerminalSize
from shared.domain.job_input import InputEnd, InputRefusal, NewPiece, RefusalReason
from shared.domain.record import fold
from shared.jetstream.stored_message import Entry
from tests import builders

SETTINGS = ApiSettings(token_secret="x" * 32)
PROGRAM = {"language": "python", "code": "print(input())"}
INTERACTIVE = {**PROGRAM, "interactive": True}
SIZE = {"columns": 80, "rows": 24}


def body_of(**fields: object) -> SubmissionBody:
    return SubmissionBody.model_validate({**INTERACTIVE, **fields})


def why_not(kind: type[BaseModel], document: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as refused:
        kind.model_validate(document)
    return str(refused.value)


# --- submissions


def test_an_interactive_submission_says_how() -> None:
    new = body_of(terminal=SIZE, idle_s=7).to_new_job()
    assert new.interaction is not None
    assert interaction_of(new.interaction, SETTINGS) == Interaction(
        idle_s=7,
        input_bytes=SETTINGS.job_input_bytes_max,
        output_bytes=SETTINGS.interactive_output_bytes,
        terminal=TerminalSize(columns=80, rows=24),
    )


def test_without_a_terminal_it_has_pipes_and_the_usual_patience() -> None:
    new = body_of().to_new_job()
    assert new.interaction is not None
    interaction = interaction_of(new.interaction, SETTINGS)
    assert (interaction.terminal, interaction.idle_s) == (None, SETTINGS.idle_s_default)
    assert (LIVE_STDIN.encoding, LIVE_STDIN.content) == ("live", "")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"terminal": SIZE, "interactive": False}, "only an interactive program has a terminal"),
        ({"idle_s": 5, "interactive": False}, "only an interactive program has idle_s"),
        ({"stdin": "x"}, "an interactive program has no stdin"),
        ({"stdin": ""}, "an interactive program has no stdin"),
        ({"stdin": {"file": f"sha256:{'0' * 64}"}}, "an interactive program has no stdin"),
        ({"idle_s": 0}, "greater than or equal to 1"),
        ({"idle_s": "5"}, "must be a number"),
        ({"interactive": "true"}, "valid boolean"),
        ({"interactive": 1}, "valid boolean"),
        ({"terminal": {"columns": 0, "rows": 24}}, "greater than or equal to 1"),
        ({"terminal": {"columns": 80, "rows": 1_001}}, "less than or equal to 1000"),
        ({"terminal": {"columns": 80}}, "Field required"),
        ({"terminal": {**SIZE, "depth": 2}}, "not permitted"),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, object], why: str) -> None:
    assert why in why_not(SubmissionBody, {**INTERACTIVE, **fields})


def test_the_fields_count_in_fingerprints_only_where_they_are_used() -> None:
    plain = SubmissionBody.model_validate(PROGRAM)
    unused = SubmissionBody.model_validate(
        {**PROGRAM, "interactive": False, "terminal": None, "idle_s": None}
    )
    assert plain.to_new_job().fingerprint == unused.to_new_job().fingerprint
    assert fingerprint_of(plain) == fingerprint_of(unused)
    used = [body_of(), body_of(idle_s=5), body_of(terminal=SIZE), plain]
    assert len({one.to_new_job().fingerprint for one in used}) == len(used)
    assert len({fingerprint_of(one) for one in used}) == len(used)


# --- limits


def test_it_may_run_for_longer_than_others() -> None:
    most = SETTINGS.interactive_wall_ms_max
    check_bounds(body_of(limits={"wall_ms": most}).to_new_job(), SETTINGS)
    beyond = body_of(limits={"wall_ms": most + 1})
    usual = SubmissionBody.model_validate({**PROGRAM, "limits": {"wall_ms": SETTINGS.wall_ms_max + 1}})
    for body in (beyond, usual):
        with pytest.raises(ProblemError, match=r"limits\.wall_ms"):
            check_bounds(body.to_new_job(), SETTINGS)


def test_its_wall_time_is_lowered_to_its_own_maximum() -> None:
    most = SETTINGS.interactive_wall_ms_max
    new = body_of(limits={"wall_ms": most + 1}, limits_policy="clamp").to_new_job()
    check_bounds(new, SETTINGS)
    assert clamped_limits(new, SETTINGS) == (ClampedLimit(name="wall_ms", requested=most + 1, applied=most),)


def test_its_wall_time_has_a_default_of_its_own() -> None:
    offered = Limits(wall_ms=1, cpu_ms=2)
    assert default_limits(SubmissionBody.model_validate(PROGRAM).to_new_job(), offered, SETTINGS) == offered
    new = body_of(limits={"cpu_ms": 3}).to_new_job()
    limits = new.limits_over(default_limits(new, offered, SETTINGS))
    assert limits == Limits(wall_ms=SETTINGS.interactive_wall_ms, cpu_ms=3)
    named = body_of(limits={"wall_ms": 5}).to_new_job()
    assert named.limits_over(default_limits(named, offered, SETTINGS)).wall_ms == 5


def test_the_patience_has_a_maximum() -> None:
    check_bounds(body_of(idle_s=SETTINGS.idle_s_max).to_new_job(), SETTINGS)
    with pytest.raises(ProblemError) as refused:
        check_bounds(body_of(idle_s=SETTINGS.idle_s_max + 1, limits_policy="clamp").to_new_job(), SETTINGS)
    assert [one.field for one in refused.value.problem.errors] == ["idle_s"]


# --- sessions


def run_of(**fields: object) -> SubmissionBody:
    saved = document_of(SessionBody.model_validate({**INTERACTIVE, "title": "t"}))
    stored = StoredRevision(created_at=builders.NOON, saved_at=builders.NOON, document=saved)
    return submission_of(stored, RunBody.model_validate(fields))


def test_a_session_may_be_interactive_and_its_run_has_no_stdin() -> None:
    assert run_of(args=["x"]).interactive
    with pytest.raises(ProblemError, match="an interactive program has no stdin") as refused:
        run_of(stdin="x")
    assert refused.value.problem.kind is problems.INVALID


# --- records


def test_the_record_tells_how_the_job_reads() -> None:
    assert builders.record().interactive is msgspec.UNSET
    assert b"interactive" not in msgspec.json.encode(builders.record())
    record = fold(None, builders.interactive(), 1)
    assert record is not None
    assert record.interactive == record.without_bulk().interactive == builders.INTERACTION


def test_what_an_idle_program_is_told_in() -> None:
    job = msgspec.structs.replace(
        builders.record(), status="timeout", reason="idle", interactive=builders.INTERACTION
    )
    assert sentence_of(job) == "The program was idle for longer than 600 seconds."
    earlier = msgspec.structs.replace(job, interactive=msgspec.UNSET)
    assert sentence_of(earlier) == "The program was idle for too long."


async def test_an_interactive_job_is_told_no_place_in_the_common_line() -> None:
    job = fold(None, builders.interactive(), 1)
    assert job is not None
    standing, catalogue = UnfinishedJobs(), AsyncMock(Catalogue)
    await standing.follow([entry(one, "queued") for one in (builders.job_id(), job.job_id)])
    outlook = Outlook(standing, catalogue, SETTINGS)
    for is_offline, reason in ((False, "slot"), (True, "executor")):
        catalogue.is_offline.return_value = is_offline
        shown = await outlook.of(job, Caller(builders.USER, frozenset({"jobs"}), builders.NOON))
        assert shown.waiting_for == WaitingFor(reason=reason, position=0)


# --- input


def test_a_piece_is_text_or_base64() -> None:
    text = InputBody.model_validate({"offset": 3, "content": "é\n", "end": True})
    assert text.to_piece() == NewPiece(offset=3, content="é\n".encode(), end=True)
    raw = InputBody.model_validate(
        {"offset": 0, "content": base64.b64encode(b"\0\xff").decode(), "encoding": "base64", "secret": True}
    )
    assert raw.to_piece() == NewPiece(offset=0, content=b"\0\xff", secret=True)
    assert InputBody.model_validate({"offset": 0}).to_piece() == NewPiece(offset=0, content=b"")


@pytest.mark.parametrize("encoding", ["utf-8", "base64"])
def test_a_piece_has_at_most_64_kib(encoding: str) -> None:
    def document(size: int) -> dict[str, Any]:
        content = "x" * size if encoding == "utf-8" else base64.b64encode(bytes(size)).decode()
        return {"offset": 0, "content": content, "encoding": encoding}

    most = InputBody.model_validate(document(PIECE_BYTES_MAX))
    assert len(most.to_piece().content) == PIECE_BYTES_MAX
    assert "a piece has at most 65536 bytes" in why_not(InputBody, document(PIECE_BYTES_MAX + 1))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"content": "€" * 30_000}, "at most 65536 bytes, and this one has 90000"),
        ({"content": "x" * 90_000}, "at most 87384"),
        ({"content": "?", "encoding": "base64"}, "the content is not base64"),
        ({"content": "\ud800"}, "lone surrogates"),
        ({"offset": -1}, "greater than or equal to 0"),
        ({"offset": True}, "must be a number"),
        ({"end": "true"}, "valid boolean"),
        ({"encoding": "stored"}, "'utf-8' or 'base64'"),
    ],
)
def test_what_is_no_piece_is_refused(fields: dict[str, object], why: str) -> None:
    assert why in why_not(InputBody, {"offset": 0, **fields})


def test_only_these_signals_may_be_sent() -> None:
    assert SignalBody.model_validate({"signal": "SIGINT"}).signal == "SIGINT"
    for signal in ("SIGKILL", "SIGSTOP", "INT", 2):
        assert "Input should be 'SIGINT'" in why_not(SignalBody, {"signal": signal})
    assert TerminalBody.model_validate(SIZE).size() == TerminalSize(columns=80, rows=24)


# --- refusals


def test_every_refusal_has_its_problem() -> None:
    assert set(KINDS) == set(typing.get_args(RefusalReason))
    for reason, kind in KINDS.items():
        with pytest.raises(ProblemError) as refused:
            position_of(InputRefusal(reason, "why", expected=7, retry_after_s=0.2))
        problem = refused.value.problem
        assert (problem.kind, problem.detail) == (kind, "why")
        assert problem.headers["Retry-After"] == "1"
        has_offset = reason in {"input_mismatch", "input_ended", "input_limit"}
        assert problem.document("x").get("expected_offset") == (7 if has_offset else None)
        assert ("RateLimit" in problem.headers) == (reason == "too_fast")


def test_a_position_is_where_the_next_piece_begins() -> None:
    position = position_of(InputEnd(sequence=9, number=2, offset=12, is_ended=True))
    assert (position.offset, position.ended) == (12, True)


# --- ends


async def test_listeners_are_told_each_end_and_each_tombstone() -> None:
    ended: list[tuple[str, str]] = []
    standing = UnfinishedJobs()
    standing.tell_ends(lambda user_id, job_id: ended.append((user_id, job_id)))
    jobs = [builders.job_id() for _ in range(2)]
    entries = [(jobs[0], "queued"), (jobs[0], "completed"), (jobs[1], "expired")]
    await standing.follow([entry(job, kind) for job, kind in entries])
    assert ended == [(builders.USER, jobs[0]), (builders.USER, jobs[1])]


def entry(job: str, kind: str) -> Entry:
    return Entry(1, builders.NOON, f"jobs.{builders.USER}.{job}.{kind}", b"")
