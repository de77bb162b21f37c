"""Responses about usage and shares."""

from shared.domain.contract_struct import ContractStruct


class ShareUsed(ContractStruct, frozen=True, kw_only=True):
    """What a user holds, and may hold in all at present: the share shrinks as others hold more."""

    used: int
    """What is held now."""
    share: int
    """What may be held in all at present."""


class UsageReport(ContractStruct, frozen=True, kw_only=True):
    """What a user holds of each store and place."""

    log_bytes: ShareUsed
    """Bytes of the user's events in the log."""
    sessions_bytes: ShareUsed
    """Bytes of all kept revisions of the user's sessions."""
    artifacts_bytes: ShareUsed
    """Bytes of the files that the user's jobs left."""
    files_bytes: ShareUsed
    """Bytes of the files that the user uploaded."""
    unfinished_jobs: ShareUsed
    """Jobs that have not ended."""
    waits: ShareUsed
    """Requests that wait at the process that answers (`Prefer: wait`)."""
