#!/usr/bin/env python3
"""The judge of a contest: runs each submission on every case of a problem, and says what became of it.

Submissions come as lines `ID LANGUAGE FILE` on standard input; verdicts leave as lines `ID VERDICT`. The
jobs of a submission have a key made of the problem and the id. So a judge that was killed is started again
with the same lines: what ran already does not run twice, and every verdict is the same.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace import BatchItem, Client, JobShown, ProblemAnswerError, kept_bytes

VERDICTS = {
    "compile_error": "compile error",
    "cpu_time": "time limit",
    "wall_time": "time limit",
    "memory": "memory limit",
    "output_limit": "output limit",
    "exit_code": "runtime error",
    "signal": "runtime error",
    "disk": "runtime error",
}
"""What a job's `reason` (docs/http.md) means in a contest. Any other is the judge's own failure."""


class JudgeError(Exception):
    """No verdict: it is the service that failed, so the submission is judged again later."""


def judge(client: Client, problem: dict[str, Any], submission: str, language: str, code: str) -> str:
    """`accepted`, or what went wrong in the first case that is not right, with its number from 1."""
    jobs = [
        {"language": language, "code": code, "stdin": case["input"], "limits": problem["limits"]}
        for case in problem["cases"]
    ]
    # At most a hundred at a time; a problem with more cases is judged in several batches.
    accepted = client.submit_all(jobs, key=f"{problem['name']}/{submission}")
    waiting = _jobs(accepted)
    for number, (case, job_id) in enumerate(zip(problem["cases"], waiting, strict=True), 1):
        verdict = verdict_of(client.result(job_id), case["answer"])
        if verdict != "accepted":
            _cancel(client, waiting)
            return f"{verdict}, case {number}"
    return "accepted"


def verdict_of(job: JobShown, answer: str) -> str:
    """What one case came to; whitespace between words does not count. Raises JudgeError."""
    if job.status == "completed" and job.result is not None:
        printed = kept_bytes(job.result.stdout)
        return "accepted" if printed.split() == answer.encode().split() else "wrong answer"
    verdict = VERDICTS.get(job.reason or "")
    if verdict is None:
        raise JudgeError(f"{job.job_id} is {job.status}: {job.reason} {job.detail or ''}")
    return verdict


def _jobs(accepted: tuple[BatchItem, ...]) -> Iterator[str]:
    """Their ids in the order of the cases. Raises JudgeError where one was refused."""
    for item in accepted:
        if item.job is None:
            raise JudgeError(f"refused: {item.problem}")
    return (item.job.job_id for item in accepted if item.job is not None)


def _cancel(client: Client, job_ids: Iterator[str]) -> None:
    """Cases that decide nothing any more need not run."""
    for job_id in job_ids:
        try:
            client.cancel(job_id)
        except ProblemAnswerError as refusal:
            if refusal.status != 409:  # it has ended meanwhile
                raise


def main(problem_file: str) -> None:
    """Judge until there are no more submissions."""
    problem = tomllib.loads(Path(problem_file).read_text())
    with Client() as client:
        for line in sys.stdin:
            submission, language, path = line.split()
            try:
                verdict = judge(client, problem, submission, language, Path(path).read_text())
            except JudgeError as failure:
                verdict = f"not judged: {failure}"
            print(submission, verdict, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
