"""Checks every token: Headrace's own, signed with a shared secret, and those of the configured provider.

The `sub` of a provider's token is the user id. With a provider, Headrace's own tokens are for operators;
their ids begin with LOCAL_PREFIX, so that no two people share an id (ADR 17). During rotation of the shared
secret, tokens signed with the previous secret are accepted too.
"""

import time
from collections.abc import Callable
from contextlib import suppress

from shared.auth.claims import (
    SCOPE_JOBS,
    Caller,
    Claims,
    TokenError,
    caller_of,
    check_times,
    check_user_id,
)
from shared.auth.issuer import ALGORITHM, Issuer, check_secret, key_id_of
from shared.auth.jwt_format import Expected, Unverified, WrongSignatureError, read, signed_claims
from shared.settings import TokenSettings

LOCAL_PREFIX = "local:"


class Tokens(Issuer):
    """Checks tokens, and issues Headrace's own."""

    def __init__(
        self,
        settings: TokenSettings,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises TokenError if the secret is too short, SettingsError for a bad provider.

        `now` is the clock for times in tokens, `clock` the one for the age of keys.
        """
        super().__init__(settings)
        secrets = [settings.token_secret]
        if settings.token_secret_previous is not None:
            check_secret(settings.token_secret_previous)
            secrets.append(settings.token_secret_previous)
        self._secrets = {key_id_of(secret): secret for secret in secrets}
        self._expected = Expected(ALGORITHM, settings.token_issuer, (settings.token_audience,))
        self._now = now
        self._provider = None
        if settings.token_provider != "local":
            # The command line issues tokens too, and is installed without this module's libraries.
            from shared.auth.provider import Provider  # noqa: PLC0415

            self._provider = Provider(settings, clock)

    def verify(self, token: str) -> Caller:
        """The caller that a token names, checked with the cached keys. Raises TokenError."""
        return self._judge(read(token), None)

    async def check(self, token: str) -> Caller:
        """As `verify`, but fetches the provider's keys first if that may help. Raises TokenError.

        KeysUnavailableError means that the same token may be accepted later.
        """
        unverified = read(token)
        came_at: float | None = None
        if self._provider is not None and unverified.issuer == self._provider.issuer:
            came_at = self._provider.keys.now
            await self._provider.keys.prepare(self._provider.key_name(unverified), came_at=came_at)
        return self._judge(unverified, came_at)

    async def keep_keys(self) -> None:
        """Keep the provider's keys fresh until cancelled; returns at once without a provider."""
        if self._provider is not None:
            await self._provider.keys.keep()

    def why_no_keys(self) -> str | None:
        """Readiness check: None, or why the provider's tokens cannot be checked."""
        if self._provider is None or self._provider.keys.are_usable:
            return None
        return "the keys of the token provider could not be had"

    def _judge(self, unverified: Unverified, came_at: float | None) -> Caller:
        """Check the token with the keys of the issuer that it names."""
        provider = self._provider
        if provider is None or unverified.issuer != provider.issuer:
            return self._own(unverified)
        came_at = provider.keys.now if came_at is None else came_at
        caller = provider.verify(unverified, self._now(), came_at=came_at)
        if caller.user_id.startswith(LOCAL_PREFIX):
            raise TokenError(f"the token's subject cannot be a user id: {LOCAL_PREFIX!r} is the operators'")
        return caller

    def _own(self, unverified: Unverified) -> Caller:
        if unverified.issuer != self._expected.issuer:
            raise TokenError("the token is not valid: it was issued for or by someone else")
        claims = self._verify(unverified)
        expires_at = check_times(claims, self._now())
        prefix = "" if self._provider is None else LOCAL_PREFIX
        user_id = check_user_id(prefix + check_user_id(claims["sub"]))
        scope = claims.get("scope", SCOPE_JOBS)
        if not isinstance(scope, str):
            raise TokenError("the token's scope claim is not a text")
        return caller_of(claims, user_id, frozenset(scope.split()), expires_at)

    def _verify(self, unverified: Unverified) -> Claims:
        """Claims signed with one of the shared secrets: the one that the token names, or else any."""
        named = self._secrets.get(unverified.key_id or "")
        *first, last = self._secrets.values() if named is None else (named,)
        for secret in first:
            with suppress(WrongSignatureError):
                return signed_claims(unverified.token, secret, self._expected)
        return signed_claims(unverified.token, last, self._expected)
