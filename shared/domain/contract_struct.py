"""Base of the structs that are stored in the log or sent to clients. Pure."""

import msgspec


class ContractStruct(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every value of the contract: immutable, with keyword arguments."""
