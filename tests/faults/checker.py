"""Judges a history by the promises of docs/reliability.md. Pure: no I/O, no clock; the log is the truth."""

from collections import Counter
from dataclasses import dataclass

from tests.faults.figures import Figures, figures_of
from tests.faults.history import History
from tests.faults.rules.answers import check_answers
from tests.faults.rules.jobs import check_jobs
from tests.faults.rules.lanes import check_lanes
from tests.faults.rules.story import story_of
from tests.faults.rules.submissions import check_submissions
from tests.faults.rules.subscribers import check_subscribers
from tests.faults.rules.views import check_views
from tests.faults.rules.violation import Violation


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every broken promise, and what else the history tells."""

    violations: tuple[Violation, ...]
    figures: Figures

    @property
    def kinds(self) -> Counter[str]:
        """How many of each."""
        return Counter(violation.kind for violation in self.violations)


def check(history: History) -> Verdict:
    """No violation means that every promise was kept. Raises UndecodableError for a log that is not ours."""
    story = story_of(history.log)
    subscribers = {one.subscriber: one.user for one in history.connections}
    violations = (
        *check_jobs(story),
        *check_lanes(story),
        *check_submissions(history.calls, story),
        *check_answers(history.calls, history.shown, story),
        *check_subscribers(history.shown, history.missed, subscribers, story),
        *check_views(history.views, history.rows, story),
    )
    return Verdict(violations, figures_of(history, story))
