#!/usr/bin/env python3
"""Plays the guessing game on a terminal or on pipes. The game itself runs at Headrace."""

import asyncio
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

from headrace import AsyncClient, Conversation, HeadraceError, ProblemAnswerError

GAME = Path(__file__).with_name("game.py")
FINISHED = "urn:headrace:problem:already-finished"
PIECE_BYTES = 64 * 1024
INTERRUPTED = 130


async def play() -> int:
    """One game; the exit code is that of the program."""
    game = {"language": "python", "files": [{"name": GAME.name, "content": GAME.read_text()}], "idle_s": 600}
    async with AsyncClient() as client, client.interact(game) as conversation:
        answering = asyncio.create_task(answer(conversation))
        try:
            async for piece in conversation.output():
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
            job = await conversation.result()
        except asyncio.CancelledError:
            # Ctrl-C. The game would wait for its user until `idle_s` are over.
            with suppress(HeadraceError):
                await client.cancel(conversation.job.job_id)
            raise
        finally:
            answering.cancel()
    if job.result is None or job.result.exit_code is None:
        print(f"play: the game is {job.status} ({job.reason}): {job.detail or ''}", file=sys.stderr)
        return 1
    return job.result.exit_code


async def answer(conversation: Conversation) -> None:
    """Give the game what comes on standard input, and its end."""
    pieces = read_in_background()
    try:
        while piece := await pieces.get():
            await conversation.send(piece)
        await conversation.end()
    except HeadraceError as failure:
        if not (isinstance(failure, ProblemAnswerError) and failure.document.get("type") == FINISHED):
            print(f"play: {failure}", file=sys.stderr)


def read_in_background() -> asyncio.Queue[bytes]:
    """The pieces of standard input; an empty one at its end. The thread that waits for them ends with us."""
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        piece = b"-"
        while piece:
            piece = os.read(sys.stdin.fileno(), PIECE_BYTES)
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

    threading.Thread(target=read, daemon=True).start()
    return pieces


def main() -> int:
    """Play, and tell a refusal in one line."""
    try:
        return asyncio.run(play())
    except KeyboardInterrupt:
        return INTERRUPTED
    except HeadraceError as failure:
        print(f"play: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
