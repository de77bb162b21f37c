"""Every crash point of the four services, by name."""

from tests.faults.points.api_points import API_POINTS
from tests.faults.points.executor_points import EXECUTOR_POINTS
from tests.faults.points.notifier_points import NOTIFIER_POINTS
from tests.faults.points.point import Point
from tests.faults.points.projector_points import PROJECTOR_POINTS

POINTS = (*API_POINTS, *EXECUTOR_POINTS, *PROJECTOR_POINTS, *NOTIFIER_POINTS)

REPRESENTATIVES = frozenset(
    {
        "api.submit.appended",
        "api.submit.not_appended",
        "api.input.stored",
        "executor.fetch.held",
        "executor.cell.begun",
        "executor.file.stored",
        "executor.end.appended",
        "executor.input.given",
        "executor.input.not_removed",
        "executor.stop.draining",
        "projector.batch.checkpoint_written",
        "projector.question.found",
        "projector.rebuild.not_renamed",
        "projector.sweep.one_file_gone",
        "notifier.history.shown",
        "notifier.live.note_queued",
        "notifier.input.stored",
        "notifier.sse.sent",
    }
)
"""One of each row or more, which `just test` hits; `just test-all` hits every point."""


def find(name: str) -> Point:
    """The point of this name. Raises KeyError."""
    return {point.name: point for point in POINTS}[name]
