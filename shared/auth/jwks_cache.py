"""A provider's keys, kept: asked for when they are old or when a token names one that is not there.

However many tokens ask, there is one fetch at a time, and one in UNKNOWN_KEY_PAUSE_S for the sake of
unknown keys. A key is called wrong only when the provider was asked after its token came, or has withdrawn
it. Known keys go on serving while the provider is down. The clock is an argument.
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
"""Requests that wait for one fetch. Those beyond are told to come back."""

EARLY = 0.8
"""`keep` asks when this part of the lifetime is over, so that no request has to wait for the answer."""


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
        """The keys of this name, for a token that came at that time of the clock.

        Raises TokenError; KeysUnavailableError if the provider may have it.
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
        """Whether keys were ever had, and not too long ago."""
        return self._fetched_at is not None and self._clock() - self._fetched_at <= self._stale_s

    async def prepare(self, name: KeyName, *, came_at: float) -> None:
        """Ask the provider where that may help `find`. Raises nothing: `find` tells."""
        if await self._prepare(name) and not self._knows(name) and not self._is_as_of(came_at):
            # The fetch that was waited for had begun before this token came.
            await self._prepare(name)

    def _knows(self, name: KeyName) -> bool:
        return self.are_usable and name in self._keys

    def _is_as_of(self, came_at: float) -> bool:
        """Whether what is known was asked for since then."""
        return self._fetched_at is not None and self._fetched_at >= came_at

    async def _prepare(self, name: KeyName) -> bool:
        """Whether there was a fetch to wait for."""
        is_known = self._knows(name)
        is_due = self._is_due()
        if is_due:
            self._begin()
        elif not is_known and self._fetching is None and self._may_ask():
            self._asked_at = self._clock()
            self._begin()
        # A provider that failed before may fail again, and slowly: its known keys do not wait for that.
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
        """Have keys from the start, and fresh ones before the old are due. Never returns."""
        while True:
            await asyncio.shield(self._begin())
            await asyncio.sleep(self._retry_s() if self._failures else EARLY * self._lifetime_s)

    def _begin(self) -> asyncio.Task[None]:
        """The fetch under way, or a new one. A task of its own: no request's end may end it for others."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    def _is_due(self) -> bool:
        now = self._clock()
        if self._fetched_at is not None and now - self._fetched_at < self._lifetime_s:
            return False
        return self._tried_at is None or not self._failures or now - self._tried_at >= self._retry_s()

    def _may_ask(self) -> bool:
        """Without any keys it is not the unknown one that matters: then `_is_due` decides alone."""
        if not self._keys:
            return False
        return self._asked_at is None or self._clock() - self._asked_at >= UNKNOWN_KEY_PAUSE_S

    def _until_retry_s(self) -> float:
        """Until the provider, which failed or has never been asked, is asked again."""
        return 0.0 if self._tried_at is None else self._tried_at + self._retry_s() - self._clock()

    def _until_asking_s(self) -> float:
        """Until it may be asked about an unknown key."""
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
