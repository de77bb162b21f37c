"""Profiles of identity providers (OpenID Connect, Firebase, Cognito): token requirements and key locations.

A profile comes from the settings alone. Each refusal of a setting names its variable.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from shared.auth.claims import LEEWAY_S, Claims, TokenError, time_claim
from shared.auth.jwks import ALGORITHMS
from shared.settings import PREFIX, SettingsError, TokenSettings, show

ValueT = TypeVar("ValueT", str, tuple[str, ...])

FIREBASE_ISSUER = "https://securetoken.google.com/"
FIREBASE_KEYS = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
DISCOVERY = "/.well-known/openid-configuration"

_PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]{0,98}[a-z0-9]")
_POOL = re.compile(r"([a-z]{2}(?:-[a-z]+)+-[0-9]{1,2})_[A-Za-z0-9]{1,55}")

DESCRIBING = (
    *("token_provider_issuer", "token_provider_audience", "token_provider_project", "token_provider_pool"),
    *("token_provider_clients", "token_provider_keys_url"),
)
"""Settings that have no effect without a provider."""

Check = Callable[[Claims, float], None]
"""Additional check of a provider's claims at a time. Raises TokenError."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One issuer. Without `audiences` its tokens have no `aud`; `kind` is their `typ`, empty for any."""

    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    keys_url: str
    discovers: bool
    check: Check
    kind: str = ""


def profile_of(settings: TokenSettings) -> Profile:
    """The profile of the configured provider, which is not `local`. Raises SettingsError."""
    profile = _PROFILES[settings.token_provider](settings)
    if profile.issuer == settings.token_issuer:
        raise refuse("token_provider_issuer", "it is the issuer of our own tokens", profile.issuer)
    return profile


def words_of(setting: str) -> tuple[str, ...]:
    """The words of a setting that is a list."""
    return tuple(word.strip() for word in setting.split(",") if word.strip())


def refuse(field: str, why: str, value: str = "") -> SettingsError:
    """The error that names a setting, and its value where there is one."""
    subject = f"{show(value)} is not allowed: " if value else ""
    return SettingsError(f"{PREFIX}{field.upper()}: {subject}{why}")


def url_error(profile: Profile, error: ValueError) -> SettingsError:
    """The error that names the setting which a profile's URL of keys comes from."""
    field = "token_provider_issuer" if profile.discovers else "token_provider_keys_url"
    return refuse(field, str(error), profile.keys_url)


def _oidc(settings: TokenSettings) -> Profile:
    issuer = _required_text(settings, "token_provider_issuer")
    keys_url = settings.token_provider_keys_url
    return Profile(
        issuer=issuer,
        audiences=_required_list(settings, "token_provider_audience"),
        algorithms=_algorithms(settings, default=("RS256", "ES256"), allowed=tuple(ALGORITHMS)),
        keys_url=keys_url or issuer.rstrip("/") + DISCOVERY,
        discovers=not keys_url,
        check=lambda _claims, _now: None,
        kind=settings.token_provider_type.lower().removeprefix("application/"),
    )


def _firebase(settings: TokenSettings) -> Profile:
    """https://firebase.google.com/docs/auth/admin/verify-id-tokens, third-party libraries."""
    project = _required_text(settings, "token_provider_project")
    if _PROJECT.fullmatch(project) is None:
        raise refuse("token_provider_project", "it is not the id of a Firebase project", project)
    return Profile(
        issuer=FIREBASE_ISSUER + project,
        audiences=(project,),
        algorithms=_algorithms(settings, default=("RS256",), allowed=("RS256",)),
        keys_url=settings.token_provider_keys_url or FIREBASE_KEYS,
        discovers=False,
        check=_check_firebase,
    )


def _check_firebase(claims: Claims, now: float) -> None:
    signed_in = time_claim(claims, "auth_time")
    if signed_in is None or time_claim(claims, "iat") is None:
        raise TokenError("the token is not valid: a required claim is missing")
    if signed_in > now + LEEWAY_S:
        raise TokenError("the token is not valid: its user has not signed in yet")


def _cognito(settings: TokenSettings) -> Profile:
    """https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html"""
    pool = _required_text(settings, "token_provider_pool")
    clients = _required_list(settings, "token_provider_clients")
    found = _POOL.fullmatch(pool)
    if found is None:
        raise refuse("token_provider_pool", "it is not the id of a user pool, such as eu-west-1_AbC123", pool)
    issuer = f"https://cognito-idp.{found[1]}.amazonaws.com/{pool}"
    is_access = settings.token_provider_use == "access"
    return Profile(
        issuer=issuer,
        audiences=() if is_access else clients,
        algorithms=_algorithms(settings, default=("RS256",), allowed=("RS256",)),
        keys_url=settings.token_provider_keys_url or f"{issuer}/.well-known/jwks.json",
        discovers=False,
        check=_check_cognito(settings.token_provider_use, clients if is_access else ()),
    )


def _check_cognito(use: str, clients: tuple[str, ...]) -> Check:
    """The check for this `token_use`. Access tokens have no `aud` and name one of `clients` instead."""

    def check(claims: Claims, _now: float) -> None:
        if claims.get("token_use") != use:
            raise TokenError(f"the token is not valid: it is no {use} token")
        if clients and claims.get("client_id") not in clients:
            raise TokenError("the token is not valid: it was issued for or by someone else")

    return check


_PROFILES: Mapping[str, Callable[[TokenSettings], Profile]] = {
    "oidc": _oidc,
    "firebase": _firebase,
    "cognito": _cognito,
}


def _algorithms(
    settings: TokenSettings, *, default: tuple[str, ...], allowed: tuple[str, ...]
) -> tuple[str, ...]:
    chosen = words_of(settings.token_provider_algorithms) or default
    unknown = [name for name in chosen if name not in allowed]
    if unknown:
        raise refuse("token_provider_algorithms", f"the algorithms are {', '.join(allowed)}", unknown[0])
    return chosen


def _required_text(settings: TokenSettings, field: str) -> str:
    value: str = getattr(settings, field)
    return _require(settings, field, value)


def _required_list(settings: TokenSettings, field: str) -> tuple[str, ...]:
    return _require(settings, field, words_of(getattr(settings, field)))


def _require(settings: TokenSettings, field: str, value: ValueT) -> ValueT:
    if not value:
        raise refuse(field, f"it is empty, and HEADRACE_TOKEN_PROVIDER={settings.token_provider} needs it")
    return value
