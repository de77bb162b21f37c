"""Attacks the sandbox of its own process: reads programs' names, and answers each with what went wrong.

Run as an ordinary user, who may have nothing but the standard library and what the sandbox itself imports.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.security.arena import open_sandbox_arena
from tests.security.attacks import ATTACKS
from tests.security.checker import checker_of
from tests.security.planted import VARIABLE, plant


async def main() -> None:
    """Answer until there is nothing more to read."""
    attacks = {attack.program: attack for attack in ATTACKS}
    with tempfile.TemporaryDirectory() as directory:
        planted = plant(Path(directory) / "here", os.environ[VARIABLE])
        async with open_sandbox_arena(planted) as arena, checker_of(arena) as checker:
            while name := (await asyncio.to_thread(sys.stdin.readline)).strip():
                faults = await checker.attack(attacks[name])
                sys.stdout.write(msgspec.json.encode(faults).decode() + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
