"""Selects from a provider's key set (RFC 7517) the keys that may check its tokens. Pure.

Only public signing keys for the configured algorithms are used. Encryption keys, secrets, private keys, weak
keys and unreadable entries are skipped.
"""

from collections.abc import Mapping, Sequence

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

KeyName = tuple[str, str]
"""The key's id and its algorithm."""

Keys = Mapping[KeyName, tuple[jwt.PyJWK, ...]]

ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Every public-key algorithm that may be configured, with the type and the curve of its keys (RFC 7518)."""

RSA_BITS_MIN = 2_048
RSA_BITS_MAX = 8_192
"""The time of a check grows with the square of the key size, and providers use no larger keys."""

SAME_NAME_MAX = 4


class KeySetError(Exception):
    """The document is not a key set, or has no usable key."""


def usable_keys(document: object, algorithms: Sequence[str]) -> Keys:
    """The keys of a set for these algorithms. Raises KeySetError if there is none.

    Key ids need not be unique (RFC 7517 4.5): keys that share an id are all kept, up to a bound.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise KeySetError("what it publishes is not a key set")
    keys: dict[KeyName, tuple[jwt.PyJWK, ...]] = {}
    for entry in entries:
        for algorithm in algorithms:
            key = _usable(entry, algorithm)
            if key is not None and len(keys.get((entry["kid"], algorithm), ())) < SAME_NAME_MAX:
                name = (entry["kid"], algorithm)
                keys[name] = (*keys.get(name, ()), key)
    if not keys:
        raise KeySetError("what it publishes holds no key that may be used")
    return keys


def _usable(entry: object, algorithm: str) -> jwt.PyJWK | None:
    if not isinstance(entry, dict) or not _is_public_signing_key(entry):
        return None
    kind, curve = ALGORITHMS[algorithm]
    if entry.get("kty") != kind or (curve is not None and entry.get("crv") != curve):
        return None
    if entry.get("alg") not in (None, algorithm):
        return None
    try:
        key = jwt.PyJWK(entry, algorithm)
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError):
        return None
    if isinstance(key.key, RSAPublicKey) and not RSA_BITS_MIN <= key.key.key_size <= RSA_BITS_MAX:
        return None
    return key


def _is_public_signing_key(entry: Mapping[str, object]) -> bool:
    key_id, operations = entry.get("kid"), entry.get("key_ops", ["verify"])
    return (
        isinstance(key_id, str)
        and key_id != ""
        and entry.get("use") in ("sig", None)
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in entry
    )
