"""Jobs that read while they run, what a client asks for them, and what is stored of it."""

from collections.abc import Sequence

import msgspec

from shared.contract.codec import decode_input
from shared.contract.subjects import INPUT, job_input
from shared.domain.events import InputMessage, JobInput
from shared.domain.interaction import Interaction, TerminalSize
from shared.domain.output_text import as_bytes
from shared.jetstream.event_log import Log
from tests import builders
from tests.integration.notifier.client import Client, Shown
from tests.integration.notifier.writer import Writer

PIPES = Interaction(idle_s=60, input_bytes=1024 * 1024, output_bytes=1024 * 1024)
TERMINAL = msgspec.structs.replace(PIPES, terminal=TerminalSize(columns=80, rows=24))


async def queued(writer: Writer, interaction: Interaction = PIPES, user: str = builders.USER) -> str:
    job = builders.job_id()
    await writer.append(builders.queued(job, user, interactive=interaction))
    return job


async def running(writer: Writer, interaction: Interaction = PIPES) -> str:
    job = await queued(writer, interaction)
    await writer.append(builders.running(job))
    return job


async def ask(client: Client, kind: str, job: str, **fields: object) -> Shown:
    """The answer to a message of input, whatever events come before it."""
    await client.send(type=kind, job_id=job, **fields)
    return await answer(client)


async def answer(client: Client) -> Shown:
    while (message := await client.next())["type"] not in {"input_stored", "error"}:
        pass
    return message


def stored(job: str, offset: int, *, ended: bool = False, **fields: object) -> Shown:
    return {"type": "input_stored", "job_id": job, "offset": offset, "ended": ended, **fields}


def refused(message: Shown) -> tuple[str, int | None]:
    assert message["type"] == "error", message
    return message["code"], message.get("expected")


async def messages(log: Log, job: str) -> Sequence[InputMessage]:
    replay = log.replay(job_input(builders.USER, job), stream=INPUT)
    return [decode_input(entry.subject, entry.payload) async for entry in replay]


async def content(log: Log, job: str) -> bytes:
    pieces = [one for one in await messages(log, job) if isinstance(one, JobInput)]
    return b"".join(as_bytes(one.content, one.encoding) for one in pieces)
