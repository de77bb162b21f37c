"""Cache of a provider's keys: fetched when they are due, or when a token names an unknown key.

There is one fetch at a time, and at most one per UNKNOWN_KEY_PAUSE_S for unknown keys. A key is rejected only
if a fetch that began after its token's arrival did not bring it, or if the provider has withdrawn it. Known
keys serve while the provider is down. The clock is an argument.
"""

import asyncio
from collections.abc import Callable

import jwt

from shared.auth.claims import KeysUnavailableError, TokenError
from shared.auth.jwks import KeyName, Keys, KeySetError, usable_keys
from shared.auth.jwks_client import FetchError, KeySource
from shared.observability.logs import get_logger

logger = get_logger(__name__)

UNKNOWN_KEY_PAUSE_S = 30.0
RETRY_FIRST_S = 1.0
RETRY_MOST_S = 30.0

WAITING_MAX = 1_000
"""Requests that may wait for one fetch. Requests beyond it are told to retry."""

EARLY = 0.8
"""The part of the lifetime after which `keep` refreshes the keys, so that no request waits for a fetch."""


class KeyCache:
    """The keys of one provider. `find` never waits; `prepare` may, before it."""

    def __init__(
        self,
        source: KeySource,
        algorithms: tuple[str, ...],
        *,
        lifetime_s: float,
        stale_s: float,
        clock: Callable[[], float],
    ) -> None:
        """Keys serve for `lifetime_s`, and up to `stale_s` while the provider does not answer."""
        self._source = source
        self._algorithms = algorithms
        self._lifetime_s = lifetime_s
        self._stale_s = max(stale_s, lifetime_s)
        self._clock = clock
        self._keys: Keys = {}
        self._withdrawn: frozenset[KeyName] = frozenset()
        self._waiting = 0
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._asked_at: float | None = None
        self._failures = 0
        self._fetching: asyncio.Task[None] | None = None

    def find(self, name: KeyName, *, came_at: float) -> tuple[jwt.PyJWK, ...]:
        """The keys of this name, for a token that arrived at `came_at` (by the clock).

        Raises TokenError; KeysUnavailableError if the provider may have the key.
        """
        if not self.are_usable:
            why = "the keys of the token's issuer cannot be had at present"
            raise KeysUnavailableError(why, self._until_retry_s())
        found = self._keys.get(name, ())
        if found:
            return found
        if self._failures:
            why = "the token's issuer cannot be asked about its key at present"
            raise KeysUnavailableError(why, self._until_retry_s())
        if name in self._withdrawn or self._is_as_of(came_at):
            raise TokenError("the token is not valid: its issuer has no such key")
        raise KeysUnavailableError(
            "the token's issuer has not been asked about its key yet, because it was asked about others",
            self._until_asking_s(),
        )

    @property
    def now(self) -> float:
        """The time by the clock."""
        return self._clock()

    @property
    def are_usable(self) -> bool:
        """Whether keys were fetched, and not too long ago."""
        return self._fetched_at is not None and self._clock() - self._fetched_at <= self._stale_s

    async def prepare(self, name: KeyName, *, came_at: float) -> None:
        """Fetch keys if that may help `find`. Raises nothing: `find` reports errors."""
        if await self._prepare(name) and not self._knows(name) and not self._is_as_of(came_at):
            # That fetch had begun before this token arrived.
            await self._prepare(name)

    def _knows(self, name: KeyName) -> bool:
        return self.are_usable and name in self._keys

    def _is_as_of(self, came_at: float) -> bool:
        """Whether the known keys were requested after `came_at`."""
        return self._fetched_at is not None and self._fetched_at >= came_at

    async def _prepare(self, name: KeyName) -> bool:
        """Wait for a fetch, if one is needed; returns whether there was one."""
        is_known = self._knows(name)
        is_due = self._is_due()
        if is_due:
            self._begin()
        elif not is_known and self._fetching is None and self._may_ask():
            self._asked_at = self._clock()
            self._begin()
        # A provider that failed before may fail again, and slowly: known keys do not wait for it.
        if self._fetching is None or (is_known and (self._failures or not is_due)):
            return False
        if self._waiting >= WAITING_MAX:
            return False
        self._waiting += 1
        try:
            await asyncio.shield(self._fetching)
        finally:
            self._waiting -= 1
        return True

    async def keep(self) -> None:
        """Fetch keys at start, and refresh them before they are due. Never returns."""
        while True:
            await asyncio.shield(self._begin())
            await asyncio.sleep(self._retry_s() if self._failures else EARLY * self._lifetime_s)

    def _begin(self) -> asyncio.Task[None]:
        """The running fetch, or a new one. It is a separate task, so a cancelled request does not end it."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    def _is_due(self) -> bool:
        now = self._clock()
        if self._fetched_at is not None and now - self._fetched_at < self._lifetime_s:
            return False
        return self._tried_at is None or not self._failures or now - self._tried_at >= self._retry_s()

    def _may_ask(self) -> bool:
        """Whether an unknown key may cause a fetch. Without any keys, `_is_due` alone decides."""
        if not self._keys:
            return False
        return self._asked_at is None or self._clock() - self._asked_at >= UNKNOWN_KEY_PAUSE_S

    def _until_retry_s(self) -> float:
        """Seconds until the next fetch from a provider that failed or was never asked."""
        return 0.0 if self._tried_at is None else self._tried_at + self._retry_s() - self._clock()

    def _until_asking_s(self) -> float:
        """Seconds until an unknown key may cause a fetch."""
        return 0.0 if self._asked_at is None else self._asked_at + UNKNOWN_KEY_PAUSE_S - self._clock()

    def _retry_s(self) -> float:
        return min(RETRY_MOST_S, RETRY_FIRST_S * 2.0 ** min(self._failures - 1, 10))

    async def _fetch(self) -> None:
        self._tried_at = began = self._clock()
        try:
            keys = usable_keys(await self._source.read(), self._algorithms)
        except (FetchError, KeySetError) as error:
            self._failures += 1
            logger.warning("token_keys_not_fetched", why=str(error), failures=self._failures)
        else:
            if self._failures or keys.keys() != self._keys.keys():
                logger.info("token_keys_fetched", keys=len(keys), failures=self._failures)
            if keys.keys() != self._keys.keys():
                self._withdrawn = frozenset(self._keys.keys() - keys.keys())
            self._keys, self._fetched_at, self._failures = keys, began, 0
        finally:
            self._fetching = None
