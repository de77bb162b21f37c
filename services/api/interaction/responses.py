"""Responses about the input of a job."""

from shared.domain.contract_struct import ContractStruct


class InputPosition(ContractStruct, frozen=True, kw_only=True):
    """How far a job's input goes."""

    offset: int
    """How many bytes it has: where the next piece begins."""
    ended: bool
    """Whether it has ended."""
