"""The limits of the executor's container: enough for every slot at its largest, and each can be set."""

import json
import re
from typing import Any

import pytest

from services.api.settings import ApiSettings
from services.executor.sandbox.isolation.rlimits import FILES_PER_CELL
from services.executor.sandbox.settings import SandboxSettings
from tests.containers.stack import DEPLOY, SERVICES, Stack

MIB = 1024 * 1024
OWN_BYTES, OWN_PROCESSES, READY_PROCESSES = 512 * MIB, 64, 16
"""What the executor takes besides programs, and for each slot the ready cells: docs/containers.md."""
CONTAINERS = (DEPLOY.parent / "docs" / "containers.md").read_text()


def limits_of(stack: Stack) -> dict[str, int]:
    """Those of the executor, as a compose file resolves them."""
    found: dict[str, Any] = json.loads(stack.compose("config", "--format", "json"))["services"]["executor"]
    assert found["memswap_limit"] == found["mem_limit"]
    return {
        "memory": int(found["mem_limit"]),
        "processes": found["pids_limit"],
        "files": found["ulimits"]["nofile"],
    }


def needs(slots: int) -> dict[str, int]:
    """What so many slots take if each runs the largest job that the api accepts."""
    largest, cell = ApiSettings(token_secret="x" * 32).limits_max, SandboxSettings()
    writable_bytes = largest.disk_bytes + cell.tmp_bytes + cell.shared_memory_bytes
    return {
        "memory": slots * (largest.memory_bytes + writable_bytes) + OWN_BYTES,
        "processes": slots * (largest.processes + READY_PROCESSES) + OWN_PROCESSES,
        "files": FILES_PER_CELL * largest.files_open,
    }


def test_the_executor_has_enough_for_all_its_slots_at_their_largest(stack: Stack) -> None:
    [executor] = stack.containers("executor")
    slots = int(dict(each.split("=", 1) for each in executor["Config"]["Env"])["HEADRACE_SLOTS"])
    host = executor["HostConfig"]
    [files] = [each for each in host["Ulimits"] if each["Name"] == "nofile"]
    assert files["Soft"] == files["Hard"]
    assert host["MemorySwap"] == host["Memory"]
    given = {"memory": host["Memory"], "processes": host["PidsLimit"], "files": files["Hard"]}
    assert {name for name, least in needs(slots).items() if given[name] < least} == set()


@pytest.mark.parametrize("slots", [2, 4, 8])
def test_the_document_says_what_so_many_slots_need(slots: int) -> None:
    most = needs(slots)
    row = f"| {slots} | {most['memory'] // MIB:,} MiB | {most['processes']:,} | {most['files']:,} |"
    assert row in CONTAINERS, row


def test_the_running_executor_has_what_its_container_was_given(stack: Stack) -> None:
    said = stack.compose("exec", "-T", "executor", "cat", "/proc/1/limits")
    assert re.search(r"Max open files +16384 +16384 ", said), said
    assert "RLIMIT_NOFILE is" not in stack.compose("logs", "--no-color", "executor")


def test_no_other_container_has_the_executors_uid(stack: Stack) -> None:
    users = {service: stack.containers(service)[0]["Config"]["User"] for service in SERVICES}
    assert [service for service, user in users.items() if user == users["executor"]] == ["executor"]


@pytest.mark.parametrize("file", ["compose.yaml", "compose.cluster.yaml"])
def test_each_of_its_limits_can_be_set(
    images: dict[str, int], tmp_path_factory: pytest.TempPathFactory, file: str
) -> None:
    usual = Stack(tmp_path_factory.mktemp("usual"), name="headrace-test-usual", file=file)
    assert limits_of(usual) == {"memory": 4_096 * MIB, "processes": 2_048, "files": 16_384}
    given = {
        "HEADRACE_EXECUTOR_MEMORY": "12g",
        "HEADRACE_EXECUTOR_PROCESSES": "5000",
        "HEADRACE_EXECUTOR_FILES": "32768",
    }
    larger = Stack(tmp_path_factory.mktemp("larger"), name="headrace-test-larger", file=file, **given)
    assert limits_of(larger) == {"memory": 12_288 * MIB, "processes": 5_000, "files": 32_768}
