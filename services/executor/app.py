"""Puts the executor together: its sandbox and languages, its follower, its scheduler, its presence."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial

from services.executor.attempts.live_input import LiveInputs
from services.executor.attempts.runner import Attempts
from services.executor.languages.catalogue import Offered, load_languages, probe_languages
from services.executor.minimum_isolation import unmet
from services.executor.sandbox.interface import Sandbox, SandboxError
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm.sandbox import open_sandbox
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.gauges import show
from services.executor.scheduling.scheduler import Scheduler
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from services.executor.settings import ExecutorSettings
from services.executor.shared_by_cells import shares
from shared.contract.subjects import INPUT, JOBS
from shared.domain.events import Isolation
from shared.jetstream.connection import Broker, connect
from shared.jetstream.errors import BrokerError, UnreachableError
from shared.jetstream.event_log import Log
from shared.jetstream.follower import Follower
from shared.jetstream.presence import (
    BEAT_S,
    PROVISION_AGAIN,
    LanguageOffer,
    Presence,
    announce,
    keep,
    withdraw,
)
from shared.observability.logs import get_logger
from shared.provision import STARTED_WITHIN_S, executor_floor
from shared.retry import retry
from shared.service.runtime import Service, ServiceError, single_failures
from shared.settings import SettingsError

logger = get_logger(__name__)

KEEP_AGAIN_S = 30.0
"""After which it is tried again to let the languages be known for good."""

SPARE_CELLS = 2
"""Cells ready beyond the slots, so that a job that follows another at once finds one."""


class IsolationError(SettingsError):
    """This host isolates less than the settings demand: nothing is run here."""


async def run(service: Service, settings: ExecutorSettings) -> None:
    """Execute jobs until told to stop. Raises IsolationError, or ServiceError where no cell can be made."""
    async with AsyncExitStack() as stack:
        with cells_needed(settings):
            sandbox = await stack.enter_async_context(open_sandbox(sandbox_settings(settings)))
        missing = unmet(settings.minimum_isolation, sandbox.isolation)
        if missing:
            raise IsolationError(
                f"HEADRACE_MINIMUM_ISOLATION is {settings.minimum_isolation!r}: "
                f"this host does not give {', '.join(missing)}, which the settings demand"
            )
        for sentence in shares(sandbox.isolation, sandbox_settings(settings)):
            logger.warning("cells_share", what=sentence)
        with cells_needed(settings):
            languages = await probe_languages(sandbox, load_languages())
        logger.info("languages_offered", languages=sorted(languages))
        async with connect(settings, service="executor") as broker:
            service.watch_broker(broker)
            await _run(service, settings, broker, sandbox, languages)


@contextmanager
def cells_needed(settings: ExecutorSettings) -> Iterator[None]:
    """Raise a ServiceError, which is one line, where a host cannot make the cells that a start takes."""
    try:
        yield
    except (SandboxError, ExceptionGroup) as error:
        failures = list(single_failures(error))
        if not all(isinstance(each, SandboxError) for each in failures):
            raise
        raise ServiceError(
            f"no cell can be made on this host (HEADRACE_SLOTS is {settings.slots}, "
            f"HEADRACE_CELL_UIDS is {settings.cell_uids}): {failures[0]}"
        ) from error


def sandbox_settings(settings: ExecutorSettings) -> SandboxSettings:
    """What an executor's settings mean for its sandbox."""
    return SandboxSettings(
        cells_ready=settings.slots + SPARE_CELLS,
        uid=settings.cell_uid,
        gid=settings.cell_uid,
        uids=settings.cell_uids,
    )


async def _run(
    service: Service,
    settings: ExecutorSettings,
    broker: Broker,
    sandbox: Sandbox,
    languages: Mapping[str, Offered],
) -> None:
    unfinished = UnfinishedJobs()
    supply = CellSupply(sandbox, patience_s=settings.cell_patience_s)
    log = Log(broker)
    live_inputs = LiveInputs(log)
    attempts = Attempts(broker, log, sandbox, languages, unfinished, supply, live_inputs, settings)
    scheduler = Scheduler(broker, settings, unfinished, attempts.perform, languages.__contains__, supply)
    show(settings.slots, unfinished, scheduler.core.delayed, sandbox)
    floor = await executor_floor(broker)
    scheduler.begin_after(floor)
    follower = Follower(broker, JOBS, scheduler.follow, after=floor, service="executor")
    service.watch_follower("log", follower.progress)
    input_end = await retry(
        partial(log.last_sequence, stream=INPUT), on=UnreachableError, within_s=STARTED_WITHIN_S, pause_s=0.2
    )
    inputs = Follower(broker, INPUT, live_inputs.take, after=input_end, service="executor")
    service.watch_follower("input", inputs.progress)
    service.check("languages", lambda: None if languages else "no language is offered on this host")
    service.check("cells", supply.unready_reason, supply.diagnostics)
    presence = _presence(settings, sandbox.isolation, languages)
    # While it drains, running programs still need heartbeats, a cancel, or the news of another's attempt.
    outlasting = [asyncio.create_task(each.run()) for each in (follower, inputs, scheduler, supply)]
    try:
        await service.run(
            broker,
            _announce(broker, presence),
            _keep_languages(broker, presence),
            service.serve_health(settings),
            *(_watch(task) for task in outlasting),
        )
    finally:
        await _leave(broker, settings.executor_id)
        await scheduler.drain(grace_s=0 if broker.lost.is_set() else settings.grace_s)
        for task in outlasting:
            task.cancel()
        await asyncio.gather(*outlasting, return_exceptions=True)


async def _watch(task: asyncio.Task[None]) -> None:
    """Fail with the task, but leave it running when cancelled."""
    await asyncio.shield(task)


def _presence(settings: ExecutorSettings, isolation: Isolation, languages: Mapping[str, Offered]) -> Presence:
    return Presence(
        executor_id=settings.executor_id,
        time=datetime.now(UTC),
        slots=settings.slots,
        isolation=isolation,
        languages=tuple(_offer(each) for each in languages.values()),
    )


def _offer(each: Offered) -> LanguageOffer:
    language = each.language
    return LanguageOffer(
        name=language.name,
        version=each.version,
        aliases=language.aliases,
        extension=language.extension,
        entrypoint=language.entrypoint,
        stages=language.stages,
        limits=language.default_limits,
        compiler_args=language.compiler_forms,
        interpreter_args=language.interpreter_forms,
    )


async def _keep_languages(broker: Broker, presence: Presence) -> None:
    """Once: what is offered here stays known when this executor has gone."""

    def report(error: BrokerError) -> None:
        logger.warning("languages_not_kept", why=f"{error}; {PROVISION_AGAIN}")

    await retry(
        partial(keep, broker, presence.languages), on=BrokerError, pause_s=KEEP_AGAIN_S, report=report
    )


async def _announce(broker: Broker, presence: Presence) -> None:
    while True:
        try:
            await announce(broker, presence)
        except BrokerError as error:
            logger.warning("presence_not_announced", why=str(error))
        await asyncio.sleep(BEAT_S)


async def _leave(broker: Broker, executor_id: str) -> None:
    try:
        await withdraw(broker, executor_id)
    except BrokerError as error:
        logger.warning("presence_not_withdrawn", why=str(error))
