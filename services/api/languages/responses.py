"""Responses about languages."""

from services.api.languages.catalogue import LanguageShown
from shared.domain.contract_struct import ContractStruct


class Languages(ContractStruct, frozen=True, kw_only=True):
    """What can be asked for."""

    languages: list[LanguageShown]
    """By name."""
