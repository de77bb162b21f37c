"""What an operator finds at an executor's /metrics while work waits."""

from shared.jetstream.event_log import Log
from tests.faults.scaling.chronicle import Chronicle, submit
from tests.faults.scaling.executors import Executors
from tests.http_client import http_client


async def test_an_executor_tells_what_waits_and_for_what(
    log: Log, executors: Executors, chronicle: Chronicle
) -> None:
    await executors.join("x1", slots=1, held_max=10)
    first = await submit(log, "alice", 30, seconds=50)
    await chronicle.until_begun(first[0])
    await submit(log, "bob", 2, seconds=50)
    expected = {
        "headrace_slots": 1,
        "headrace_jobs_executing": 1,
        "headrace_jobs_unfinished": 32,
        "headrace_lanes": 2,
        "headrace_jobs_startable": 1,
    }
    shown: dict[str, float] = {}
    async with http_client() as http:
        while not expected.items() <= shown.items():
            shown = _values((await http.get(executors.metrics_url("x1"))).text)
    # The events of these tests are dated in the past.
    assert shown["headrace_oldest_startable_age_seconds"] > 0
    assert shown["headrace_oldest_queued_age_seconds"] > 0
    assert shown["headrace_jobs_held"] + shown["headrace_jobs_parked"] >= 1


def _values(text: str) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}
