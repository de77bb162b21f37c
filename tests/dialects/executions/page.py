"""A page of the dialect: it submits, opens a socket for the execution, and polls."""

from typing import Any

import httpx

from shared.dialects.executions import PATHS

EXECUTE = f"{PATHS}/execute"
FIELDS = (
    *("execution_id", "user_id", "code", "language", "input_data", "status", "output", "error_output"),
    *("execution_time", "memory_usage", "created_at", "updated_at", "completed_at"),
)
"""The thirteen fields of a status, in their order."""
MISSING = {"detail": "Execution not found"}
NOTHING_YET = {"output": "", "error_output": "", "execution_time": None, "memory_usage": None}


def socket_path(execution_id: str) -> str:
    """Where the socket of an execution is, below the address of the dialect."""
    return f"{PATHS}/ws/{execution_id}"


async def execute(http: httpx.AsyncClient, code: str, **more: Any) -> str:  # noqa: ANN401 - JSON
    """Submit a program; returns the id of its execution."""
    answer = await http.post(EXECUTE, json={"code": code, **more})
    assert answer.status_code == 200, answer.text
    execution_id: str = answer.json()["execution_id"]
    return execution_id


async def status(http: httpx.AsyncClient, execution_id: str) -> dict[str, Any]:
    """The status of an execution, which has its thirteen fields."""
    answer = await http.get(f"{PATHS}/status/{execution_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert tuple(found) == FIELDS
    return found


def updates(messages: list[dict[str, Any]], execution_id: str) -> list[dict[str, Any]]:
    """The `data` of messages, each of which has the form that pages read."""
    for message in messages:
        assert message == {
            "type": "execution_update",
            "execution_id": execution_id,
            "data": message["data"],
        }
        assert message["data"].keys() == {"status", *NOTHING_YET}
    return [message["data"] for message in messages]
