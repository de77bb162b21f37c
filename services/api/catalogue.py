"""The languages that live executors offer, as far as this process knows.

An executor that dies takes its announcement with it, but not the right to submit: a language that was
offered since this process began stays accepted, and its jobs wait.
"""

import asyncio

from shared.codec import UndecodableError
from shared.log import Log
from shared.presence import LanguageOffer, Presence, executors

FRESH_S = 2.0


class Catalogue:
    """Reads the announcements when asked, at most every FRESH_S."""

    def __init__(self, log: Log) -> None:
        """Know nothing yet."""
        self._log = log
        self._known: dict[str, LanguageOffer] = {}
        self._live: tuple[Presence, ...] = ()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def offers(self) -> list[LanguageOffer]:
        """One offer for each language of the live executors, by name. Raises BrokerError."""
        await self._refresh()
        by_name = {offer.name: offer for presence in self._live for offer in presence.languages}
        return [by_name[name] for name in sorted(by_name)]

    async def find(self, name: str) -> LanguageOffer | None:
        """The language of this name or alias, None if nobody is known to offer it. Raises BrokerError."""
        if name not in self._known:
            await self._refresh()
        return self._known.get(name)

    @property
    def is_empty(self) -> bool:
        """Whether no executor has been seen at all, so that nothing can be said about any language."""
        return not self._known

    async def _refresh(self) -> None:
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if now - self._read_at < FRESH_S and self._known:
                return
            try:
                self._live = tuple(await executors(self._log))
            except UndecodableError:
                # A newer executor announces more than this version reads; what is known stays.
                return
            self._read_at = now
            for presence in self._live:
                for offer in presence.languages:
                    for name in (offer.name, *offer.aliases):
                        self._known[name] = offer
