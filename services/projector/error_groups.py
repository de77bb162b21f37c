"""Unwraps exceptions of task groups."""


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first single exception in a nested group."""
    failure: BaseException = group
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
