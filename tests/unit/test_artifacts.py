"""Files with the worst names: which are kept, how a browser is offered them, where they are written."""

import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headrace.client.artifacts import UnsafePathError, new_file
from services.api.artifacts.routes import disposition
from services.api.http.conditional_requests import is_unchanged
from services.api.jobs.fields import PATTERN_BYTES_MAX
from services.api.jobs.schemas import PATTERNS_MAX, SubmissionBody
from services.executor.attempts.artifacts import (
    ARTIFACTS_MAX,
    PATHS_BYTES_MAX,
    SKIPPED_MAX,
    choose,
    list_skipped,
)
from services.executor.sandbox.interface import CellFile, Skipped
from shared.contract.codec import decode_event, encode
from shared.contract.subjects import artifact_name, job_event, object_description
from shared.domain.events import JobCompleted
from shared.domain.result import Artifact, Output, Result
from tests import builders

# --- patterns, as submitted


def body(*patterns: str) -> SubmissionBody:
    return SubmissionBody.model_validate({"language": "c", "code": "x", "artifacts": patterns})


@pytest.mark.parametrize(
    "pattern", ["out/**", "*", "**/*.png", "a?[0-9].txt", "ü/*", "out/plot.bin", ".hidden"]
)
def test_a_pattern_beneath_the_work_directory_is_taken(pattern: str) -> None:
    assert body(pattern).artifacts == (pattern,)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "/etc/*",
        "../*",
        "a/../../*",
        "a//b",
        "a/",
        "./a",
        "a\0b",
        "a\nb",
        "x" * (PATTERN_BYTES_MAX + 1),
        "\ud800",
    ],
)
def test_any_other_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        body(pattern)


def test_patterns_are_bounded_in_number() -> None:
    body(*["*"] * PATTERNS_MAX)
    with pytest.raises(ValidationError):
        body(*["*"] * (PATTERNS_MAX + 1))


def test_a_request_without_patterns_has_the_fingerprint_it_always_had() -> None:
    """A repetition, after an upgrade, of what was submitted before it must be recognised."""
    assert (
        body().to_new_job().fingerprint == "5ae609063a10973c7db379eceaa200725ad49702e80532ddab08238bf6a47889"
    )
    assert body("*").to_new_job().fingerprint != body().to_new_job().fingerprint


# --- what a program left


def file(path: str) -> CellFile:
    return CellFile(path, b"")


@pytest.mark.parametrize(
    "path", ["a", "out/plot.bin", "ü/\U0001f600.txt", ".x", "a b", '<script>"', "a\\b", "..."]
)
def test_a_file_that_can_be_named_is_kept(path: str) -> None:
    assert choose([file(path)], []).files == (file(path),)


@pytest.mark.parametrize(
    "path", ["", "/a", "a//b", "../a", "a/..", ".", "a\nb", "a\x7f", "a\0", "\udcff", "é" * 600]
)
def test_a_file_that_cannot_be_named_is_skipped_with_its_reason(path: str) -> None:
    choice = choose([file(path)], [Skipped("before", "why")])
    assert choice.files == ()
    assert choice.skipped[0] == Skipped("before", "why")
    assert choice.skipped[1].reason
    list_skipped(choice.skipped)[1].path.encode()


def test_files_are_bounded_in_number_and_in_what_their_names_take() -> None:
    many = choose([file(f"f{number}") for number in range(ARTIFACTS_MAX + 3)], [])
    assert (len(many.files), len(many.skipped)) == (ARTIFACTS_MAX, 3)
    long = choose([file(f"{number:04}" + "x" * 1000) for number in range(200)], [])
    assert sum(len(each.path) for each in long.files) <= PATHS_BYTES_MAX
    assert len(long.files) + len(long.skipped) == 200


def test_what_is_told_of_skipped_files_is_bounded_and_counts_the_rest() -> None:
    found = list_skipped([Skipped("x" * 5000, "y" * 5000)] * (SKIPPED_MAX + 7))
    assert len(found) == SKIPPED_MAX + 1
    assert found[-1].reason == "and 7 more"
    assert max(len(each.path) for each in found) <= 1024


def test_the_largest_result_still_fits_one_event() -> None:
    """Of 8 MiB, with each byte of both streams written as six and the longest lists of files."""
    names = choose([file(f"{number:03}" + '"' * 500) for number in range(ARTIFACTS_MAX)], [])
    skipped = list_skipped([Skipped("\x01" * 1024, '"' * 200)] * 1000)
    stream = Output(content="\x01" * 262_144)
    result = Result(
        stdout=stream,
        stderr=stream,
        artifacts=tuple(Artifact(path=each.path, size=2**40, sha256="f" * 64) for each in names.files),
        skipped=skipped,
    )
    event = JobCompleted(
        job_id=builders.JOB, user_id="ü" * 64, time=builders.NOON, request_id="r", attempt=1, result=result
    )
    payload = encode(event)
    assert len(payload) < 8 * 1024 * 1024
    assert decode_event(job_event("ü" * 64, builders.JOB, "completed"), payload) == event


@given(st.text(max_size=40))
def test_an_objects_subject_is_always_two_legal_tokens_more(name: str) -> None:
    try:
        subject = object_description("ARTIFACTS", name)
    except UnicodeEncodeError:
        return
    assert re.fullmatch(r"\$O\.ARTIFACTS\.M\.[A-Za-z0-9_=-]*", subject)


def test_the_name_of_an_object_tells_attempts_apart() -> None:
    names = {artifact_name(builders.JOB, attempt, number) for attempt in (1, 2, 11) for number in (0, 1, 11)}
    assert len(names) == 9


# --- what a browser is told


@given(st.text(min_size=1, max_size=60))
def test_any_name_makes_one_safe_header(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    value = disposition(name)
    match = re.fullmatch(
        r"attachment; filename=\"([\w.-]*)\"; filename\*=UTF-8''([\w.~%-]*)", value, re.ASCII
    )
    assert match is not None
    assert unquote(match[2]) == name


@pytest.mark.parametrize(
    ("given_tags", "known"),
    [
        ("", False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
        ('"aa"', False),
    ],
)
def test_a_client_that_has_the_file_is_told_so(given_tags: str, known: bool) -> None:
    assert is_unchanged(given_tags, '"a"') is known


# --- where the command line writes them


def write(directory: Path, path: str, content: bytes = b"content") -> None:
    with new_file(directory, path) as written:
        written.write(content)


def test_files_are_written_beneath_the_directory_and_replaced(tmp_path: Path) -> None:
    for content in (b"a longer content", b"short"):
        write(tmp_path / "new", "a/b/c.bin", content)
        assert (tmp_path / "new" / "a" / "b" / "c.bin").read_bytes() == content
    assert (tmp_path / "new" / "a" / "b" / "c.bin").stat().st_mode & 0o111 == 0


@pytest.mark.parametrize("path", ["", "/x", "../x", "a/../../x", "a//x", ".", "..", "a\0b"])
def test_a_path_that_leads_outside_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(UnsafePathError):
        write(tmp_path / "out", path)
    assert not (tmp_path / "x").exists()


def test_no_symbolic_link_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "folder").symlink_to(outside)
    (out / "link").symlink_to(outside / "file")
    for path in ("folder/file", "link", "folder/new"):
        with pytest.raises(UnsafePathError):
            write(out, path)
    assert (outside / "file").read_bytes() == b"mine"
    assert list(outside.iterdir()) == [outside / "file"]


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"mine")
    for path in ("pipe", "folder", "file/below"):
        with pytest.raises(UnsafePathError):
            write(tmp_path, path)


def test_half_a_file_is_removed(tmp_path: Path) -> None:
    def write_half() -> None:
        with new_file(tmp_path, "half") as written:
            written.write(b"ha")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        write_half()
    assert list(tmp_path.iterdir()) == []
