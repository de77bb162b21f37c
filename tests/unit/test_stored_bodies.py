"""Submissions that name stored files: what they become, and what is refused."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from services.api.artifacts.service import ArtifactReader, Found
from services.api.files.references import References
from services.api.files.service import UserFiles
from services.api.jobs.new_job import FileReference
from services.api.jobs.schemas import SubmissionBody
from shared.contract.subjects import ARTIFACTS, FILES, artifact_name, file_name
from shared.domain.result import Artifact
from shared.jetstream.object_description import ObjectDescription
from tests import builders

SHA256 = "a1" * 32
ADDRESS = f"sha256:{SHA256}"
BEFORE_FILES = "0971d9f27494ed5ec02084f327ae8e512c837eb7a41ee6402feee1b5d611ecd8"
"""The fingerprint that version 0.2.0 stored."""
MAIN = {"name": "main.py", "content": "1"}


def submission(*files: Mapping[str, Any], stdin: object = None) -> SubmissionBody:
    return SubmissionBody.model_validate({"language": "python", "files": [MAIN, *files], "stdin": stdin})


def test_references_stand_at_the_places_of_their_files() -> None:
    left = {"job": builders.JOB, "path": "out/a.bin"}
    new = submission({"name": "in", **left}, {"name": "data", "file": ADDRESS}, stdin=left).to_new_job()
    expected = FileReference(job=builders.JOB, path="out/a.bin")
    assert new.references == {1: expected, 2: FileReference(file=ADDRESS)}
    assert new.stdin_reference == expected
    assert [file.content for file in new.files] == ["1", "", ""]
    assert new.stdin is not None
    assert new.stdin.content == ""


def test_a_submission_without_references_is_the_same_request_as_ever() -> None:
    plain = {"language": "python", "files": [MAIN], "stdin": "x"}
    named = {**plain, "stdin": {"file": ADDRESS}}
    before, after = (SubmissionBody.model_validate(one).to_new_job().fingerprint for one in (plain, named))
    assert before == BEFORE_FILES
    assert after != before


@pytest.mark.parametrize(
    "way",
    [
        {},
        {"content": "x", "file": ADDRESS},
        {"file": ADDRESS, "job": builders.JOB, "path": "x"},
        {"job": builders.JOB},
        {"path": "x"},
        {"file": "sha256:A1"},
        {"job": builders.JOB, "path": "../x"},
    ],
)
def test_a_file_is_named_in_one_way(way: Mapping[str, str]) -> None:
    with pytest.raises(ValidationError):
        submission({"name": "in", **way})
    if "content" not in way:
        with pytest.raises(ValidationError):
            submission(stdin=way)


def test_files_of_at_most_eight_jobs_are_named() -> None:
    files = [{"name": f"{number}", "job": builders.job_id(), "path": "x"} for number in range(8)]
    assert len(submission(*files).to_new_job().references) == 8
    with pytest.raises(ValidationError, match="at most 8 jobs"):
        submission(*files, stdin={"job": builders.job_id(), "path": "x"})


class _Uploaded(UserFiles):
    """One file."""

    def __init__(self) -> None:
        self.found: list[str] = []

    async def find(self, user_id: str, address: str) -> ObjectDescription:
        self.found.append(address)
        name = file_name(user_id, SHA256)
        return ObjectDescription(
            name=name, bucket=FILES, nuid="x", size=3, digest="SHA-256=" + "A" * 43 + "="
        )


class _Left(ArtifactReader):
    """Every path of every job."""

    def __init__(self) -> None:
        self.found: list[tuple[str, list[str]]] = []

    async def find_all(self, user_id: str, job_id: str, paths: Collection[str]) -> list[Found]:
        del user_id
        self.found.append((job_id, sorted(paths)))
        return [
            Found(Artifact(path=path, size=7, sha256=SHA256), artifact_name(job_id, 1, 0)) for path in paths
        ]


async def test_each_file_and_each_job_is_looked_up_once() -> None:
    uploaded, left = _Uploaded(), _Left()
    of_job = [FileReference(job=builders.JOB, path=path) for path in ("a", "b", "a")]
    named = [FileReference(file=ADDRESS), *of_job, FileReference(file=ADDRESS)]
    found = await References(uploaded, left).find(builders.USER, named)
    assert (uploaded.found, left.found) == ([ADDRESS], [(builders.JOB, ["a", "b"])])
    assert {one.bucket for one in found.values()} == {FILES, ARTIFACTS}
    assert sorted(one.size for one in found.values()) == [3, 7, 7]
