"""Responses to operators."""

from services.api.operators.dead_letters import Advisory
from shared.domain.contract_struct import ContractStruct


class Messages(ContractStruct, frozen=True, kw_only=True):
    """The last messages that are not delivered any more."""

    messages: list[Advisory]
    """Oldest first."""
