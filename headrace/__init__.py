"""What a user of Headrace installs: the client, the command line, and the stack on one machine."""

from headrace.answers import Artifacts, BatchItem, JobsPage, Language, kept_bytes, output_bytes
from headrace.blocking import Client
from headrace.client import AsyncClient
from headrace.errors import (
    ClosedError,
    HeadraceError,
    HistoryLostError,
    NotFinishedError,
    ProblemAnswerError,
    ProtocolError,
    UnreachableError,
    UsageError,
)
from headrace.subscription import Gap
from shared.codec import EventObject
from shared.record import JobRecord, JobSummary
from shared.version import VERSION

__version__ = VERSION

__all__ = [
    "Artifacts",
    "AsyncClient",
    "BatchItem",
    "Client",
    "ClosedError",
    "EventObject",
    "Gap",
    "HeadraceError",
    "HistoryLostError",
    "JobRecord",
    "JobSummary",
    "JobsPage",
    "Language",
    "NotFinishedError",
    "ProblemAnswerError",
    "ProtocolError",
    "UnreachableError",
    "UsageError",
    "__version__",
    "kept_bytes",
    "output_bytes",
]
