"""Responses about uploaded files."""

from datetime import datetime

from shared.domain.contract_struct import ContractStruct


class UploadedFile(ContractStruct, frozen=True, kw_only=True):
    """A file of the caller."""

    file: str
    """Its content's address, `sha256:` and 64 hexadecimal digits; what submissions name it by."""
    size: int
    """Bytes."""
    expires_at: datetime
    """When it is removed, unless it is uploaded again before."""


class UploadedFiles(ContractStruct, frozen=True, kw_only=True):
    """The caller's files."""

    files: tuple[UploadedFile, ...]
    """The last uploaded first."""
