"""Responses of the routes of jobs, besides single records, as structs for OpenAPI."""

from services.api.jobs.batch import BatchItem
from shared.contract.codec import EventObject
from shared.domain.contract_struct import ContractStruct
from shared.domain.record import JobSummary


class JobsPage(ContractStruct, frozen=True, kw_only=True):
    """A page of jobs, without their arguments, files and results."""

    jobs: tuple[JobSummary, ...]
    """Newest first."""
    next: str | None
    """The `cursor` of the next page; None at the end."""


class Batch(ContractStruct, frozen=True, kw_only=True):
    """What became of each submission of a batch."""

    jobs: list[BatchItem]
    """One for each submission, in their order."""


class JobEvents(ContractStruct, frozen=True, kw_only=True):
    """A job's history as stored."""

    events: list[EventObject]
    """In the order of the log."""
