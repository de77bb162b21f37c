"""What an interactive submission becomes in its `job.queued` event. Pure."""

from services.api.jobs.new_job import NewInteraction
from services.api.settings import ApiSettings
from shared.domain.events import SourceFile
from shared.domain.interaction import Interaction

LIVE_STDIN = SourceFile(name="stdin", content="", encoding="live")
"""The standard input of interactive jobs: an executor of an earlier version leaves such a job."""


def interaction_of(new: NewInteraction, settings: ApiSettings) -> Interaction:
    """How the job reads its input, within the operator's bounds."""
    return Interaction(
        idle_s=settings.idle_s_default if new.idle_s is None else new.idle_s,
        input_bytes=settings.job_input_bytes_max,
        output_bytes=settings.interactive_output_bytes,
        terminal=new.terminal,
    )
