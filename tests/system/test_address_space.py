"""`address_space_bytes` of a submission: its bounds, and what becomes of a program that reserves more."""

import httpx
import pytest

from services.api.settings import ApiSettings
from tests.hosts import needs
from tests.system.conftest import User
from tests.system.test_http import assert_problem

MOST = ApiSettings(token_secret="x" * 32).address_space_bytes_max
MIB = 1024 * 1024
RESERVES = """
try:
    bytearray(300 * 2**20)
except MemoryError:
    print("refused")
else:
    print("had")
"""


@pytest.mark.full
async def test_a_program_is_refused_what_it_may_not_reserve(alice: User) -> None:
    memory = {"memory_bytes": 512 * MIB}
    bound = await alice.run("python", RESERVES, limits={**memory, "address_space_bytes": 256 * MIB})
    assert (bound["status"], bound["result"]["stdout"]["content"]) == ("completed", "refused\n")
    assert bound["limits"]["address_space_bytes"] == 256 * MIB
    free = await alice.run("python", RESERVES, limits=memory)
    assert (free["status"], free["result"]["stdout"]["content"]) == ("completed", "had\n")
    assert free["limits"]["address_space_bytes"] is None
    uncaught = await alice.run("python", "bytearray(2**40)", limits={"address_space_bytes": 256 * MIB})
    assert (uncaught["status"], uncaught["reason"]) == ("failed", "exit_code")
    assert "MemoryError" in uncaught["result"]["stderr"]["content"]


async def test_its_bounds_are_the_services(alice: User, http: httpx.AsyncClient) -> None:
    program = {"language": "bash", "code": "ulimit -v"}
    for size in (0, -1, 64 * MIB - 1, MOST + 1):
        answer = await http.post("/v1/jobs", json={**program, "limits": {"address_space_bytes": size}})
        assert "limits.address_space_bytes" in assert_problem(answer, 422, "invalid-request")["detail"]
    clamped = {"limits": {"address_space_bytes": MOST + 1}, "limits_policy": "clamp"}
    job = await alice.run("bash", "ulimit -v", **clamped)
    assert list(job["clamped"]) == [{"name": "address_space_bytes", "requested": MOST + 1, "applied": MOST}]
    assert job["result"]["stdout"]["content"] == f"{MOST // 1024}\n"


@pytest.mark.parametrize(
    ("language", "code"),
    [
        pytest.param("javascript", "console.log(42)", marks=needs("javascript")),
        pytest.param(
            "java",
            "class Main { public static void main(String[] words) { System.out.println(42); } }",
            marks=[needs("java"), pytest.mark.full],
        ),
    ],
)
async def test_a_runtime_that_reserves_much_is_its_own_and_runs_where_it_may(
    alice: User, language: str, code: str
) -> None:
    job = await alice.run(language, code, limits={"address_space_bytes": 32 * 1024 * MIB})
    assert (job["status"], job["result"]["stdout"]["content"]) == ("completed", "42\n")
    small = await alice.run(language, code, limits={"address_space_bytes": 128 * MIB})
    assert (small["status"], small["result"]["stdout"]["content"]) == ("failed", "")
    assert small["reason"] in {"exit_code", "signal"}
    assert small["attempt"] == 1
