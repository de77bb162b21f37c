"""One broken promise, and what shows it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    # of a job's events
    "not_first",
    "queued_twice",
    "attempts",
    "unfenced",
    "ended_twice",
    "after_end",
    "unfinished",
    # of a user's jobs together
    "out_of_turn",
    "overlap",
    # of submissions
    "lost",
    "stray",
    "key_split",
    "key_shared",
    "stored_twice",
    "replay_unsaid",
    # of answers
    "forgotten",
    "unexpected_answer",
    "wrong_answer",
    "wrong_etag",
    "stale",
    "cancel_lost",
    "cancel_refused",
    # of subscribers
    "unseen",
    "repeated",
    "swapped",
    "foreign",
    "altered",
    "late",
    "missed",
    # of views
    "view_behind",
    "view_missing",
    "view_extra",
    "view_differs",
]


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise was not kept. `job_id` is None where it concerns no single job."""

    kind: Kind
    job_id: str | None
    evidence: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.job_id or '-'}: {self.evidence}"
