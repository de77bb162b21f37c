"""The message that describes a file of the object store, in the standard layout of NATS object stores."""

import base64

from shared.domain.contract_struct import ContractStruct

CHUNK_BYTES = 128 * 1024
DIGEST_PREFIX = "SHA-256="


class DamagedError(Exception):
    """The stored bytes differ from those that were put."""


class ObjectOptions(ContractStruct, frozen=True, kw_only=True):
    """How a file was split into chunks."""

    max_chunk_size: int = CHUNK_BYTES


class ObjectDescription(ContractStruct, frozen=True, kw_only=True, omit_defaults=True):
    """The message that describes one file; field names are those of the standard layout."""

    name: str
    bucket: str
    nuid: str
    size: int
    chunks: int = 0
    mtime: str = ""
    digest: str = ""
    deleted: bool = False
    options: ObjectOptions | None = None

    @property
    def sha256(self) -> str:
        """The digest in hexadecimal. Raises DamagedError."""
        try:
            digest = self.digest.removeprefix(DIGEST_PREFIX)
            return base64.b64decode(digest, altchars=b"-_", validate=True).hex()
        except ValueError as error:
            raise DamagedError(f"{self.name}: the digest cannot be read") from error


def digest_of(sha256: bytes) -> str:
    """A description's digest."""
    return DIGEST_PREFIX + base64.urlsafe_b64encode(sha256).decode()
