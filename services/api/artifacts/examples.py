"""Examples of responses about a job's files."""

from services.api.artifacts.responses import Artifacts
from services.api.jobs.example_story import FILE, RESULT

__all__ = ["FILE"]

FILES = Artifacts(artifacts=RESULT.artifacts, skipped=RESULT.skipped)
