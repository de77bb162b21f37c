"""Failures that come out of task groups: the one that says what happened."""


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first single failure in a group of groups."""
    failure: BaseException = group
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
