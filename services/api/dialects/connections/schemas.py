"""What clients of the dialect send."""

from pydantic import BaseModel

from services.api.dialects.bodies import Program, TimeoutSeconds
from services.api.dialects.programs import MS_PER_S
from services.api.settings import ApiSettings

TIMEOUT_S = 30.0


class ExecutionBody(BaseModel):
    """A Python program."""

    code: Program
    timeout_seconds: TimeoutSeconds = TIMEOUT_S

    def time_limit(self, settings: ApiSettings) -> float:
        """Seconds: what was sent, else the default, or the operator's maximum where that is less."""
        if "timeout_seconds" in self.model_fields_set:
            return self.timeout_seconds
        return min(TIMEOUT_S, settings.wall_ms_max / MS_PER_S)


class AsyncExecutionBody(ExecutionBody):
    """The same, and the connection that is told the result."""

    connection_id: str | None = None
