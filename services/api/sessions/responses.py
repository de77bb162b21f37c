"""Responses of the routes of sessions."""

from services.api.sessions.documents import Session, SessionCard
from shared.domain.contract_struct import ContractStruct


class SessionList(ContractStruct, frozen=True, kw_only=True):
    """All sessions of a user, without their documents."""

    sessions: list[SessionCard]
    """Last saved first."""


class Revisions(ContractStruct, frozen=True, kw_only=True):
    """A page of the revisions of a session that are kept."""

    revisions: list[Session]
    """Oldest first, each with its document."""
    next: str | None
    """The `cursor` of the next page; None at the end."""
