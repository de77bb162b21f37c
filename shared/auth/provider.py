"""Checks the tokens of the configured identity provider."""

from collections.abc import Callable

from shared.auth.claims import Caller, TokenError, caller_of, check_times, check_user_id
from shared.auth.jwks import KeyName
from shared.auth.jwks_cache import KeyCache
from shared.auth.jwks_client import KeySource
from shared.auth.jwt_format import Expected, Unverified, WrongSignatureError, signed_claims
from shared.auth.provider_profiles import profile_of, url_error
from shared.auth.scopes import scope_rules
from shared.settings import TokenSettings


class Provider:
    """One provider: its profile, its keys, and its users' scopes."""

    def __init__(self, settings: TokenSettings, clock: Callable[[], float]) -> None:
        """Raises SettingsError."""
        self._profile = profile_of(settings)
        self._scopes = scope_rules(settings)
        self.keys = KeyCache(
            self._source(settings),
            self._profile.algorithms,
            lifetime_s=settings.token_keys_lifetime_s,
            stale_s=settings.token_keys_stale_s,
            clock=clock,
        )

    @property
    def issuer(self) -> str:
        """The `iss` of its tokens."""
        return self._profile.issuer

    def key_name(self, unverified: Unverified) -> KeyName:
        """The key that a token names. Raises TokenError if no key of the provider can have signed it."""
        if unverified.algorithm not in self._profile.algorithms:
            raise TokenError("the token is not valid: its algorithm is not accepted")
        if not unverified.key_id:
            raise TokenError("the token is not valid: it names no key")
        if self._profile.kind and unverified.kind != self._profile.kind:
            raise TokenError(f"the token is not valid: its type is not {self._profile.kind!r}")
        return unverified.key_id, unverified.algorithm

    def verify(self, unverified: Unverified, now: float, *, came_at: float) -> Caller:
        """The caller, by the cached keys; `came_at` is when the token arrived. Raises TokenError."""
        name = self.key_name(unverified)
        expected = Expected(unverified.algorithm, self._profile.issuer, self._profile.audiences)
        refusal: TokenError | None = None
        for key in self.keys.find(name, came_at=came_at):
            try:
                claims = signed_claims(unverified.token, key, expected)
            except WrongSignatureError as error:
                refusal = error
                continue
            expires_at = check_times(claims, now)
            self._profile.check(claims, now)
            user_id = check_user_id(claims["sub"])
            return caller_of(claims, user_id, self._scopes.of(claims), expires_at)
        assert refusal is not None, "a name in the cache has a key"
        raise refusal

    def _source(self, settings: TokenSettings) -> KeySource:
        profile = self._profile
        try:
            return KeySource(
                profile.keys_url,
                discovers_for=profile.issuer if profile.discovers else None,
                timeout_s=settings.token_keys_timeout_s,
            )
        except ValueError as error:
            raise url_error(profile, error) from None
