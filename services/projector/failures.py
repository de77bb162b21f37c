"""Failures that come out of task groups: the one that says what happened, told in one line at the edge."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from services.projector.database import ViewError


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first single failure in a group of groups."""
    failure: BaseException = group
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


@contextmanager
def exit_on_view_error() -> Iterator[None]:
    """End the process with the message of a ViewError, because a traceback helps no operator."""
    failure: BaseException | None = None
    try:
        yield
    except* ViewError as errors:
        failure = first_of(errors)
    if failure is not None:
        sys.exit(f"projector: {failure}")
