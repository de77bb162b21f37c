"""``python -m services.executor facts``: what an executor would find on this host, as one JSON object.

Nothing is connected to and nothing stays: one sandbox is opened, asked, and closed.
"""

import sys
from contextlib import AsyncExitStack

import msgspec

from services.executor.app import cells_needed, sandbox_settings
from services.executor.languages.catalogue import load_languages, probe_languages
from services.executor.minimum_isolation import unmet
from services.executor.sandbox.warm.sandbox import open_sandbox
from services.executor.settings import ExecutorSettings
from services.executor.shared_by_cells import shares
from shared.domain.contract_struct import ContractStruct
from shared.domain.events import Isolation
from shared.service.runtime import ServiceError


class Facts(ContractStruct, frozen=True, kw_only=True):
    """What was found. `languages` holds the version of each one, None where the host lacks it; `shares` says
    what cells have in common here.
    """

    minimum: str
    refusal: str | None
    isolation: Isolation | None = None
    unmet: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    languages: dict[str, str | None] = msgspec.field(default_factory=dict)


async def find(settings: ExecutorSettings) -> Facts:
    """Ask this host. A host that cannot make cells is an answer, not an error."""
    known = load_languages()
    try:
        async with AsyncExitStack() as stack:
            with cells_needed(settings):
                sandbox = await stack.enter_async_context(open_sandbox(sandbox_settings(settings)))
                found = await probe_languages(sandbox, known)
            missing = unmet(settings.minimum_isolation, sandbox.isolation)
            return Facts(
                minimum=settings.minimum_isolation,
                refusal=f"the host does not give {', '.join(missing)}" if missing else None,
                isolation=sandbox.isolation,
                unmet=tuple(missing),
                shares=tuple(shares(sandbox.isolation, sandbox_settings(settings))),
                languages={name: found[name].version if name in found else None for name in known},
            )
    except ServiceError as error:
        return Facts(minimum=settings.minimum_isolation, refusal=str(error))


async def tell(settings: ExecutorSettings) -> int:
    """Print the facts; 0 if an executor would start here, 1 if not."""
    facts = await find(settings)
    sys.stdout.buffer.write(msgspec.json.encode(facts) + b"\n")
    return 0 if facts.refusal is None else 1
