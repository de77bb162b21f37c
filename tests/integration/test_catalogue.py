"""Which languages can be asked for: what live executors offer, and what was offered before."""

from datetime import UTC, datetime

import msgspec
import pytest

from services.api.languages.catalogue import Catalogue
from shared.contract.subjects import LANGUAGES
from shared.domain.events import Isolation
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.presence import PROVISION_AGAIN, LanguageOffer, Presence, announce, keep, withdraw
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from tests.integration.api_in_process import PYTHON


def presence(*languages: LanguageOffer) -> Presence:
    return Presence(
        executor_id="x1", time=datetime.now(UTC), slots=1, isolation=Isolation(), languages=languages
    )


async def test_what_was_offered_once_stays_known_to_another_process(broker: Broker, log: Log) -> None:
    await announce(broker, presence(PYTHON))
    await keep(broker, [PYTHON])
    first = Catalogue(log)
    assert [(one.name, one.offline) for one in await first.offers()] == [("python", False)]
    assert not await first.is_offline("python")
    await withdraw(broker, "x1")
    later = Catalogue(log)
    assert [(one.name, one.offline) for one in await later.offers()] == [("python", True)]
    assert await later.find("py") == PYTHON
    assert await later.is_offline("python")
    assert await later.find("cobol") is None


async def test_a_newer_offer_takes_the_place_of_the_one_before(broker: Broker, log: Log) -> None:
    newer = LanguageOffer(
        name="python", version="4", aliases=(), extension="py", entrypoint="main.py", stages=("run",),
        limits=PYTHON.limits,
    )  # fmt: skip
    await keep(broker, [PYTHON])
    await keep(broker, [newer])
    assert await Catalogue(log).find("python") == newer


async def test_a_log_that_an_older_version_provisioned(
    broker: Broker, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    """What live executors offer can be asked for; what to do is said once, and afterwards all is well."""
    await broker.api(f"STREAM.DELETE.{LANGUAGES}")
    await announce(broker, presence(PYTHON))
    catalogue = Catalogue(log)
    assert await catalogue.find("python") == PYTHON
    assert await catalogue.find("cobol") is None
    assert capsys.readouterr().out.count(PROVISION_AGAIN) == 1
    await provision(broker, ProvisionSettings())
    await keep(broker, [PYTHON])
    await withdraw(broker, "x1")
    assert await Catalogue(log).find("py") == PYTHON


async def test_words_are_looked_up_again_before_they_are_refused(
    broker: Broker, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An executor was upgraded since; and the one that comes beside it would not know them."""
    monkeypatch.setattr("services.api.languages.catalogue.FRESH_S", 0.0)
    catalogue = Catalogue(log)
    await announce(broker, presence(PYTHON))
    assert await catalogue.find("python") == PYTHON
    upgraded = msgspec.structs.replace(PYTHON, interpreter_args=("-O",))
    await announce(broker, presence(upgraded))
    assert await catalogue.find("python") == PYTHON
    assert await catalogue.find_fresh("python") == upgraded
    assert await catalogue.find("py") == upgraded
    await announce(broker, msgspec.structs.replace(presence(PYTHON), executor_id="x2"))
    assert await catalogue.find_fresh("python") == PYTHON
