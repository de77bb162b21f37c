"""Every crash point of the four services, by name."""

from tests.faults.points.api_points import API_POINTS
from tests.faults.points.executor_points import EXECUTOR_POINTS
from tests.faults.points.notifier_points import NOTIFIER_POINTS
from tests.faults.points.point import Point
from tests.faults.points.projector_points import PROJECTOR_POINTS

POINTS = (*API_POINTS, *EXECUTOR_POINTS, *PROJECTOR_POINTS, *NOTIFIER_POINTS)


def find(name: str) -> Point:
    """The point of this name. Raises KeyError."""
    return {point.name: point for point in POINTS}[name]
