"""The same sandbox opened by an ordinary user, in a process of its own, with what such a user can reach."""

import json
import os

from tests.ordinary_user import needs_system_python, readable_copy, started_as_ordinary_user

PROGRAM = """
import asyncio, json, os
from services.executor.sandbox.warm.sandbox import open_warm_sandbox
from shared.domain.events import Limits
from tests.integration.sandbox.cells import python, shell, run, stage

async def main():
    async with open_warm_sandbox() as sandbox:
        hello = await python(sandbox, "print('hello')")
        counted = "id -u; ls /proc/self/fd | wc -l; env | wc -l; (echo > /x) || echo refused"
        identity = await shell(sandbox, counted)
        slow = await shell(sandbox, "echo attempted; sleep 3600", limits=Limits(wall_ms=300))
        kept = await run(sandbox, stage("/bin/sh", "-c", "echo x > product", keep="product"))
        print(json.dumps({
            "uid": os.getuid(), "facts": [sandbox.isolation.uid, sandbox.isolation.cgroup],
            "hello": hello.succeeded(), "identity": identity.stdout.split(), "slow": slow.verdict.stopped_by,
            "attempted": slow.stdout, "kept": kept.verdict.kept.decode(),
        }))

asyncio.run(main())
"""


@needs_system_python
async def test_an_ordinary_user_gets_the_same_cells() -> None:
    with readable_copy() as copy:
        asked = await started_as_ordinary_user(copy, "-c", PROGRAM)
        said, complaint = await asked.communicate()
    assert asked.returncode == 0, complaint.decode()
    found = json.loads(said)
    uid = found.pop("uid")
    assert uid != 0
    assert found == {
        "facts": [uid, "none"] if os.geteuid() == 0 else [uid, found["facts"][1]],
        "hello": "hello\n",
        # 0, 1, 2 and the listing; PATH, HOME, LANG and PWD.
        "identity": ["1000", "4", "4", "refused"],
        "slow": "wall_time",
        "attempted": "attempted\n",
        "kept": "x\n",
    }
