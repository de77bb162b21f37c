"""Reasons why a queued job waits, as far as this process knows; returned with the job."""

from typing import Annotated, Literal

from services.api.languages.catalogue import Catalogue
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.settings import ApiSettings
from shared.auth import Caller
from shared.domain.contract_struct import ContractStruct
from shared.domain.enumerations import open_to
from shared.domain.record import JobRecord
from shared.jetstream.errors import BrokerError

WaitReason = Literal["earlier_jobs", "executor", "slot"]


class WaitingFor(ContractStruct, frozen=True, kw_only=True):
    """Why a job does not run yet."""

    reason: Annotated[str, open_to(WaitReason)]
    """`earlier_jobs`: as many of the user's own as may run at a time, or more, stand before it.
    `executor`: none is there now that has the language. `slot`: other programs run."""
    position: int = 0
    """How many unfinished jobs of the same user stand before it; 1,000 stands for more, too. Not counted for
    an interactive job: 0."""


class JobShown(JobRecord, frozen=True, kw_only=True):
    """A job with what it waits for."""

    waiting_for: WaitingFor | None = None
    """Why a queued job does not run yet; None for any other, and where nothing is known."""


class Outlook:
    """Finds the reason why a job waits."""

    def __init__(self, standing: UnfinishedJobs, catalogue: Catalogue, settings: ApiSettings) -> None:
        """Use the unfinished jobs of `standing` and the live executors of `catalogue`."""
        self._standing = standing
        self._catalogue = catalogue
        self._settings = settings

    async def of(self, job: JobRecord, caller: Caller) -> JobShown:
        """The job as its user sees it."""
        return with_waiting_reason(
            job, await self._waiting_for(job, caller) if job.status == "queued" else None
        )

    async def _waiting_for(self, job: JobRecord, caller: Caller) -> WaitingFor | None:
        before = self._standing.before(job.user_id, job.job_id)
        if before is None:
            return None
        try:
            if await self._catalogue.is_offline(job.language):
                return WaitingFor(reason="executor", position=0 if job.interactive else before)
        except BrokerError:
            return None
        if job.interactive:
            # Such jobs take turns with each other alone, and subjects do not tell which ones they are.
            return WaitingFor(reason="slot")
        at_once = min(caller.concurrency, self._settings.concurrency_max)
        return WaitingFor(reason="earlier_jobs" if before >= at_once else "slot", position=before)


def with_waiting_reason(job: JobRecord, waiting_for: WaitingFor | None = None) -> JobShown:
    """The job with what it waits for."""
    fields = {name: getattr(job, name) for name in JobRecord.__struct_fields__}
    return JobShown(**fields, waiting_for=waiting_for)
