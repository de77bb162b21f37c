"""What comes back of a stage that keeps a file: the bytes of a regular file of the cell, and nothing else."""

import pytest

from services.executor.sandbox.interface import Sandbox
from tests.integration.sandbox.cells import MIB, Ran, run, stage


async def keeping(sandbox: Sandbox, script: str, keep: str = "product", keep_bytes_max: int = MIB) -> Ran:
    return await run(sandbox, stage("/bin/sh", "-c", script, keep=keep, keep_bytes_max=keep_bytes_max))


async def test_a_regular_file_comes_back_byte_for_byte(sandbox: Sandbox) -> None:
    loop = "i=0; while [ $i -lt 300 ]; do printf '\\000\\377\\n%s' $i; i=$((i + 1)); done > product"
    script = f"{loop}; echo out; echo err >&2"
    ran = await keeping(sandbox, script)
    assert ran.verdict.kept == b"".join(b"\0\xff\n%d" % number for number in range(300))
    assert (ran.stdout, ran.stderr) == ("out\n", "err\n")


@pytest.mark.parametrize(("script", "kept"), [(": > product", b""), (":", None)])
async def test_an_empty_product_is_not_a_missing_one(
    sandbox: Sandbox, script: str, kept: bytes | None
) -> None:
    assert (await keeping(sandbox, script)).verdict.kept == kept


async def test_a_product_may_be_in_a_directory_and_called_like_an_option(sandbox: Sandbox) -> None:
    ran = await keeping(sandbox, "mkdir -- -d && echo x > ./-d/-f", keep="-d/-f")
    assert ran.verdict.kept == b"x\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("ln -s /etc/shadow product", id="link to a file of the host"),
        pytest.param("ln -s /etc/passwd product", id="link to a file of the cell"),
        pytest.param("ln -s /proc/1/environ product", id="link to a process"),
        pytest.param("mkfifo product", id="pipe that would block"),
        pytest.param("mkdir product", id="directory"),
        pytest.param("echo x > product; chmod 000 product", id="unreadable"),
        pytest.param("ln -s product product", id="loop"),
    ],
)
async def test_anything_but_a_readable_regular_file_is_no_product(sandbox: Sandbox, script: str) -> None:
    ran = await keeping(sandbox, f"{script} && echo attempted")
    assert ran.succeeded() == "attempted\n"
    assert ran.verdict.kept is None


async def test_a_work_directory_linked_elsewhere_yields_the_cells_file_at_most(sandbox: Sandbox) -> None:
    ran = await keeping(sandbox, "ln -s /etc d && echo attempted", keep="d/passwd")
    assert ran.succeeded() == "attempted\n"
    assert ran.verdict.kept is None or b"cell:x:1000" in ran.verdict.kept


async def test_the_product_of_a_failed_stage_is_not_kept(sandbox: Sandbox) -> None:
    ran = await keeping(sandbox, "echo x > product; exit 4")
    assert (ran.verdict.exit_code, ran.verdict.kept) == (4, None)


async def test_the_signal_of_a_keeping_stage_is_told(sandbox: Sandbox) -> None:
    assert (await keeping(sandbox, "kill -SEGV $$")).verdict.signal == 11


async def test_a_product_as_long_as_allowed(sandbox: Sandbox) -> None:
    ran = await keeping(sandbox, "head -c 1000 /dev/zero > product", keep_bytes_max=1000)
    assert ran.verdict.kept == bytes(1000)


@pytest.mark.parametrize("length", [1001, 5 * MIB])
async def test_a_product_that_is_too_long_meets_a_limit(sandbox: Sandbox, length: int) -> None:
    ran = await keeping(sandbox, f"head -c {length} /dev/zero > product; echo told", keep_bytes_max=1000)
    assert (ran.verdict.stopped_by, ran.verdict.kept) == ("output_limit", None)
    assert ran.verdict.detail == "product is longer than 1000 bytes"
    assert ran.stdout == "told\n"
