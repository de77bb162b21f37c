"""Catalogue of languages: those of live executors, and those that were offered before.

Programs are accepted, and wait, while no executor is running: an offered language stays known, here and in a
KV bucket, and is shown as offline. Words for its compiler or interpreter are allowed where all its live
executors allow them, since any of them may get the job.
"""

import asyncio
from collections.abc import Iterable, Iterator

import msgspec

from shared.contract.codec import UndecodableError
from shared.jetstream.errors import BrokerError
from shared.jetstream.event_log import Log
from shared.jetstream.presence import PROVISION_AGAIN, LanguageOffer, Presence, executors, read_offers
from shared.observability.logs import get_logger

logger = get_logger(__name__)

FRESH_S = 2.0
KEPT_AGAIN_S = 60.0
"""Pause (s) before another read of the stored offers, after a failed one."""


class LanguageShown(LanguageOffer, frozen=True, kw_only=True):
    """A language that can be asked for."""

    offline: bool = False
    """No live executor has it: programs are accepted, and wait for one."""


class Catalogue:
    """Reads the executors' presence on demand, at most every FRESH_S."""

    def __init__(self, log: Log) -> None:
        """Start without languages."""
        self._log = log
        self._known: dict[str, LanguageOffer] = {}
        """The latest offer by name and alias."""
        self._live: tuple[Presence, ...] = ()
        self._read_at = self._kept_at = self._look_again_at = float("-inf")
        self._reading = asyncio.Lock()

    async def offers(self) -> list[LanguageShown]:
        """Every language, by name. Raises BrokerError."""
        await self._refresh()
        online = {offer.name for presence in self._live for offer in presence.languages}
        by_name = {offer.name: offer for offer in self._known.values()}
        return [_language_object(by_name[name], offline=name not in online) for name in sorted(by_name)]

    async def find(self, name: str) -> LanguageOffer | None:
        """The language of this name or alias; None if it was never offered. Raises BrokerError."""
        if name not in self._known:
            await self._refresh()
        return self._known.get(name)

    async def find_fresh(self, name: str) -> LanguageOffer | None:
        """As `find`, as of a read at most FRESH_S ago. Raises BrokerError."""
        await self._refresh()
        return self._known.get(name)

    async def is_offline(self, name: str) -> bool:
        """Whether no live executor has the language, as of the last read. Raises BrokerError.

        Requests do not wait for each other's reads, nor for another read soon after a failed one.
        """
        now = asyncio.get_running_loop().time()
        if not self._reading.locked() and now >= self._look_again_at:
            try:
                await self._refresh()
            except BrokerError:
                self._look_again_at = now + FRESH_S
                raise
        return all(offer.name != name for presence in self._live for offer in presence.languages)

    @property
    def is_empty(self) -> bool:
        """Whether no executor has ever been seen, so that nothing can be said about any language."""
        return not self._known

    async def _refresh(self) -> None:
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if now - self._read_at < FRESH_S and self._known:
                return
            try:
                live = tuple(await executors(self._log))
            except UndecodableError:
                # A newer executor's presence is undecodable for this version; the known offers stay.
                return
            await self._read_kept(now)
            self._read_at, self._live = now, live
            for offer in offers_in_common(live):
                self._learn(offer)

    async def _read_kept(self, now: float) -> None:
        """Read the stored offers, once: later offers are seen while their executors run."""
        if now < self._kept_at:
            return
        try:
            for offer in await read_offers(self._log):
                self._learn(offer)
        except (BrokerError, UndecodableError) as error:
            logger.warning("languages_not_read", why=f"{error}; {PROVISION_AGAIN}")
            self._kept_at = now + KEPT_AGAIN_S
        else:
            self._kept_at = float("inf")

    def _learn(self, offer: LanguageOffer) -> None:
        for name in (offer.name, *offer.aliases):
            self._known[name] = offer


def offers_in_common(live: Iterable[Presence]) -> Iterator[LanguageOffer]:
    """The last offer of each language, with the words that all of its offers allow."""
    found: dict[str, LanguageOffer] = {}
    for presence in live:
        for offer in presence.languages:
            earlier = found.get(offer.name, offer)
            found[offer.name] = msgspec.structs.replace(
                offer,
                compiler_args=_in_both(offer.compiler_args, earlier.compiler_args),
                interpreter_args=_in_both(offer.interpreter_args, earlier.interpreter_args),
            )
    yield from found.values()


def _in_both(one: Iterable[str], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(form for form in one if form in other)


def _language_object(offer: LanguageOffer, *, offline: bool) -> LanguageShown:
    return LanguageShown(**{name: getattr(offer, name) for name in offer.__struct_fields__}, offline=offline)
