"""Parses a token before its signature is checked, and checks the signature.

Unverified content only selects among the configured issuers. A TokenError has this module's own text, because
the library's messages may quote the token.
"""

from base64 import urlsafe_b64decode
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, cast

import jwt
import msgspec

from shared.auth.claims import Claims, TokenError

TOKEN_BYTES_MAX = 8 * 1024
"""Above the header limits of common proxies; it bounds the cost of parsing."""


CHECKED_MAX = 1_024
"""Tokens whose checked signature is cached: at most 8 MiB, usually less than 1 MiB."""


class _Header(msgspec.Struct):
    alg: str
    kid: str | None = None
    typ: str = ""
    crit: object = msgspec.UNSET
    b64: object = msgspec.UNSET


class _Payload(msgspec.Struct):
    iss: object = None


_HEADER = msgspec.json.Decoder(_Header)
_PAYLOAD = msgspec.json.Decoder(_Payload)


@dataclass(frozen=True, slots=True)
class Unverified:
    """A token's content before its signature is checked."""

    token: str
    algorithm: str
    key_id: str | None
    kind: str
    issuer: str | None


def read(token: str) -> Unverified:
    """Parse a token without checking it. Raises TokenError for a form that no configured issuer uses.

    The parser is fast and lenient: `signed_claims` parses the token again, strictly.
    """
    if len(token) > TOKEN_BYTES_MAX:
        raise TokenError(f"a token has at most {TOKEN_BYTES_MAX} bytes")
    try:
        first, second, _ = token.split(".")
        header = _HEADER.decode(urlsafe_b64decode(first + "=="))
        issuer = _PAYLOAD.decode(urlsafe_b64decode(second + "==")).iss
    except (ValueError, RecursionError):
        raise TokenError("the token is not valid: it cannot be read") from None
    # RFC 7515 4.1.11: extensions that are not understood must be refused, and Headrace understands none.
    if header.crit is not msgspec.UNSET or header.b64 is not msgspec.UNSET:
        raise TokenError("the token is not valid: it uses an extension")
    return Unverified(
        token=token,
        algorithm=header.alg,
        key_id=header.kid,
        kind=header.typ.lower().removeprefix("application/"),
        issuer=issuer if isinstance(issuer, str) else None,
    )


@dataclass(frozen=True, slots=True)
class Expected:
    """Required algorithm, issuer and audience (one of `audiences`; without any, the token has no `aud`)."""

    algorithm: str
    issuer: str
    audiences: tuple[str, ...]


@lru_cache(CHECKED_MAX)
def signed_claims(token: str, key: Hashable, expected: Expected) -> Claims:
    """The claims of a token that was signed with `key`. `check_times` checks its times.

    Raises TokenError; WrongSignatureError if another key of the same name may still match. The result depends
    on the arguments alone, so it is cached for a client's next request.
    """
    try:
        claims = jwt.decode(
            token,
            cast("Any", key),
            algorithms=[expected.algorithm],
            issuer=expected.issuer,
            audience=expected.audiences or None,
            options={
                "require": ["exp", "sub", "iss", *(["aud"] if expected.audiences else [])],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        return MappingProxyType(claims)
    except jwt.InvalidSignatureError:
        raise WrongSignatureError("the token is not valid: its signature is wrong") from None
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenError(f"the token is not valid: {_reason(error)}") from None


class WrongSignatureError(TokenError):
    """The token was not signed with this key."""


def _reason(error: Exception) -> str:
    match error:
        case jwt.InvalidAudienceError() | jwt.InvalidIssuerError():
            return "it was issued for or by someone else"
        case jwt.MissingRequiredClaimError():
            return "a required claim is missing"
        case jwt.InvalidAlgorithmError():
            return "its algorithm is not accepted"
        case jwt.InvalidKeyError():
            return "its signature is wrong"
        case _:
            return "it cannot be read"
