"""The order of both streams is in the result, of short and long programs: api, client and command line."""

import httpx
import pytest

from headrace import output_pieces
from tests.cases import cases
from tests.system.conftest import User
from tests.system.test_cli_asking import ask

PROGRAM = """
import array, fcntl, os, sys, termios, time

def say(descriptor, text):
    os.write(descriptor, text.encode())
    waiting = array.array("i", [1])
    while waiting[0]:
        fcntl.ioctl(descriptor, termios.FIONREAD, waiting)  # until the executor has read it

for number in range(3):
    say(1, f"out {number}\\n")
    say(2, f"err {number}\\n")
if "long" in sys.argv:
    time.sleep(0.5)
say(1, "out again\\n")
say(1, "and again\\n")
"""
WRITTEN = [
    *(("stdout", b"out 0\n"), ("stderr", b"err 0\n"), ("stdout", b"out 1\n"), ("stderr", b"err 1\n")),
    *(("stdout", b"out 2\n"), ("stderr", b"err 2\n"), ("stdout", b"out again\nand again\n")),
]


@pytest.mark.parametrize("length", cases(["short", "long"], {"short"}))
async def test_the_result_tells_the_order_of_both_streams(
    alice: User, http: httpx.AsyncClient, length: str
) -> None:
    """Of a short program none of it was in the feed, of a long one almost all."""
    job = await alice.client.run({"language": "python", "code": PROGRAM, "args": [length]})
    assert job.result is not None
    assert (job.status, job.result.stderr.content.splitlines()[-1]) == ("completed", "err 2")
    assert list(output_pieces(job.result)) == WRITTEN
    shown = (await http.get(f"/v1/jobs/{job.job_id}")).json()["result"]["order"]
    assert shown["runs"][:3] == [
        {"stream": "stdout", "offset": 0, "length": 6},
        {"stream": "stderr", "offset": 0, "length": 6},
        {"stream": "stdout", "offset": 6, "length": 6},
    ]
    assert (len(shown["runs"]), shown["truncated"]) == (7, False)
    history = await alice.client.history(job.job_id)
    assert history[-1].data["result"]["order"] == shown
    logs = await ask(alice, "logs", "--json", job.job_id, "--user", alice.name)
    told = [(one["stream"], one["content"].encode()) for one in logs.lines()]
    assert told == WRITTEN
    sheet = await ask(alice, "get", job.job_id, "--user", alice.name)
    lines = [line.split("\t") for line in sheet.stdout.decode().splitlines()]
    assert [line for line in lines if line[0] in {"stdout", "stderr"}][:3] == [
        ["stdout", "out 0"],
        ["stderr", "err 0"],
        ["stdout", "out 1"],
    ]


async def test_a_program_that_printed_to_one_stream_has_no_order(alice: User) -> None:
    job = await alice.run("bash", "echo one; echo two")
    assert job["result"]["order"] is None
