#!/usr/bin/env python3
"""A bot of a chat, or the tool of an agent: runs the code in a message, and answers with what it printed.

Messages come as JSON lines `{"room": …, "text": …}` on standard input. Replies leave as such lines; one
with the same `id` replaces the one before, as an edited message of a chat does. Put your chat's library in
place of both.
"""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from itertools import count

from headrace import AsyncClient, HeadraceError, JobRecord, output_bytes

CODE = re.compile(r"```([\w+]+)\n(.*?)```", re.DOTALL)
"""A block of Markdown with its language. A message without one is none of the bot's."""

LIMITS = {"wall_ms": 10_000, "cpu_ms": 3_000, "memory_bytes": 128 * 1024 * 1024, "output_bytes": 16 * 1024}
SHOWN_MAX = 1500
"""Characters of output in a reply: chats refuse long messages."""


async def replies(client: AsyncClient, room: str, text: str) -> AsyncIterator[str]:
    """What the bot says to a message: that it runs, then its output as it grows, then how it ended."""
    block = CODE.search(text)
    if block is None:
        return
    try:
        job = await client.submit(
            {"language": block[1], "code": block[2], "limits": LIMITS, "labels": {"room": room}}
        )
        yield "running …"
        printed = b""
        async for event in client.stream(job.job_id):
            if event.type == "job.output.v1":
                printed += output_bytes(event)
                yield f"running …\n{shown(printed)}"
        yield f"{ending(await client.get(job.job_id))}\n{shown(printed)}".strip()
    except HeadraceError as failure:
        yield f"not run: {failure}"


def ending(job: JobRecord) -> str:
    """How it ended, in a few words."""
    if job.status == "completed" and job.result is not None:
        return f"done in {job.result.wall_ms} ms"
    if job.reason == "exit_code" and job.result is not None:
        return f"exit code {job.result.exit_code}"
    return f"{job.status} ({job.reason or 'by request'})"


def shown(printed: bytes) -> str:
    """The beginning of it as a block that nothing in it can end."""
    text = printed.decode(errors="replace").replace("```", "`\u200b``")
    return f"```\n{text[:SHOWN_MAX]}{'…' * (len(text) > SHOWN_MAX)}\n```" if text else ""


async def answer(
    client: AsyncClient, identity: int, room: str, text: str, say: Callable[[object], None]
) -> None:
    """Say all that the bot replies to one message."""
    async for reply in replies(client, room, text):
        say({"room": room, "id": identity, "text": reply})


async def main() -> None:
    """Answer messages at the same time; Headrace itself says how many programs of the bot run at once."""
    identities = count(1)
    async with AsyncClient() as client, asyncio.TaskGroup() as answers:
        while line := await asyncio.to_thread(sys.stdin.readline):
            message = json.loads(line)
            answers.create_task(
                answer(client, next(identities), message["room"], message["text"], _say),
            )


def _say(reply: object) -> None:
    print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
