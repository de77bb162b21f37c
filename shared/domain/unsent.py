"""Notes that an attempt left for its events to tell, because it was over before they were sent. Pure.

A short program's notes would say nothing that its terminal event does not say a moment later. So they are not
sent: `job.running` tells the first stage, and the terminal event which notes are missing. Readers who show
notes make them from both (`notes_before`, `notes_after`), always the same ones in the same order.
"""

from shared.domain.contract_struct import ContractStruct
from shared.domain.enumerations import OpenStageName, OpenStreamName


class UnsentNote(ContractStruct, frozen=True, kw_only=True, omit_defaults=True):
    """A note that is not in the feed: a piece of output if it has a `stream`, else progress.

    The bytes of the output are those of the result, of the stream of that stage.
    """

    stage: OpenStageName
    stream: OpenStreamName | None = None
    offset: int = 0
    """How many bytes of the stream come before it."""
    length: int = 0
    """How many bytes it has."""
    percent: int = 0
    message: str = ""
    remaining_s: float | None = None


def started(stage: str) -> str:
    """The message of the progress with which a stage begins."""
    return f"{stage} started"
