"""What clients of the dialect send."""

from services.api.dialects.bodies import TimedProgram


class AsyncExecutionBody(TimedProgram):
    """A program, and the connection that is told its result."""

    connection_id: str | None = None
