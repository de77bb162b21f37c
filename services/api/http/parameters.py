"""Path and query parameters common to several routes."""

from typing import Annotated

from fastapi import Path, Query

from shared.contract.view_api import PAGE_MAX

JobId = Annotated[str, Path(description="The `job_id` that the submission was answered with.")]
SessionId = Annotated[str, Path(description="The `session_id` that the session was begun with.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="The most jobs on the page.")]
