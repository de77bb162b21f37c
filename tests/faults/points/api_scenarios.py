"""What clients do while an api dies: each repeats as a client would, and ends with what must be true."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from headrace.local.supervisor import Stack
from shared.domain.events import JobQueued
from tests import builders
from tests.faults.points.balanced import Client, Json
from tests.faults.points.patience import until
from tests.faults.points.programs import Victim
from tests.faults.points.story import Story
from tests.faults.points.talk import LINE, READS, assert_read_once
from tests.system.conftest import user_of
from tests.system.test_dead_letters import lost

FILE_BYTES = 600_000
WAIT = {"Prefer": "wait=60"}
LARGE = "true # " + "x" * 70_000
"""A line of the audit fills a chunk."""


@dataclass
class Stage:
    """What a scenario plays on: a user of his own, an operator, and the log."""

    stack: Stack
    story: Story
    user: str
    client: Client
    operator: Client
    dying: Victim

    async def submit(
        self,
        code: str = "echo one",
        *,
        key: str | None = None,
        at_first: bool = True,
        headers: dict[str, str] | None = None,
        **more: Any,  # noqa: ANN401 - fields of a submission
    ) -> Json:
        """The accepted job."""
        keyed = {"Idempotency-Key": key or builders.job_id(), **(headers or {})}
        answer = await self.client.call(
            "POST",
            "/v1/jobs",
            body={"language": "bash", "code": code, **more},
            headers=keyed,
            at_first=at_first,
        )
        job: Json = answer.json()
        return job

    async def run(self, code: str = "echo one", *, at_first: bool = False, **more: Any) -> str:  # noqa: ANN401 - fields of a submission
        """A finished job."""
        job: str = (await self.submit(code, at_first=at_first, **more))["job_id"]
        await self.story.until_ended(job)
        return job

    async def block(self) -> str:
        """A job that runs until it is cancelled, so that what is submitted later waits."""
        lasting = await self.submit("sleep 60", at_first=False, limits={"wall_ms": 60_000})
        job: str = lasting["job_id"]
        await self.story.until(job, "running")
        return job

    async def cancel(self, job: str, *, at_first: bool = False) -> None:
        """As the SDK does: that it is cancelled already is no error."""
        await self.client.call("POST", f"/v1/jobs/{job}/cancel", also=frozenset({409}), at_first=at_first)

    async def all_ended(self, *jobs: str) -> None:
        """The user has these jobs and no others, and each of them one end, in log and view."""
        for job in jobs:
            await self.story.until_ended(job)
            await self.story.until_viewed(job)
        found = self.story.jobs_of(self.user)
        assert found == list(jobs), f"{found} instead of {jobs}"


async def submit(stage: Stage) -> None:
    job = await stage.submit()
    await stage.all_ended(job["job_id"])


async def replay(stage: Stage) -> None:
    """The same key again."""
    first = await stage.submit(key="the key", at_first=False)
    again = await stage.submit(key="the key")
    assert again["job_id"] == first["job_id"]
    await stage.all_ended(first["job_id"])


async def wait(stage: Stage) -> None:
    """The answer is to come with the end."""
    job = await stage.submit("sleep 0.5", key="the key", headers=WAIT)
    while job["status"] != "completed":
        job = await stage.submit("sleep 0.5", key="the key", headers=WAIT)
    await stage.all_ended(job["job_id"])


async def batch(stage: Stage) -> None:
    items = [{"language": "bash", "code": f"echo {number}"} for number in range(5)]
    answer = await stage.client.call(
        "POST", "/v1/jobs/batch", body={"jobs": items}, headers={"Idempotency-Key": "the batch"}
    )
    jobs = [item["job"]["job_id"] for item in answer.json()["jobs"]]
    await stage.all_ended(*jobs)
    codes = [
        event.files[0].content for job in jobs if isinstance(event := stage.story.events(job)[0], JobQueued)
    ]
    assert codes == [item["code"] for item in items]


async def cancel_queued(stage: Stage) -> None:
    blocker = await stage.block()
    job = (await stage.submit(at_first=False))["job_id"]
    await stage.cancel(job, at_first=True)
    await stage.cancel(blocker)
    await stage.all_ended(blocker, job)
    assert stage.story.kinds(job) == ["queued", "cancelled"]


async def cancel_running(stage: Stage) -> None:
    job = await stage.block()
    await stage.cancel(job, at_first=True)
    await stage.all_ended(job)
    kinds = stage.story.kinds(job)
    assert kinds == ["queued", "running", "cancel_requested", "cancelled"], kinds


async def talk(stage: Stage) -> None:
    """A piece of input and the end are sent until they are answered."""
    job = (await stage.submit(READS, at_first=False, interactive=True))["job_id"]
    await stage.story.until(job, "running")
    path = f"/v1/jobs/{job}/input"
    answer = await stage.client.call("POST", path, body={"offset": 0, "content": LINE})
    assert answer.json() == {"offset": len(LINE), "ended": False}
    last = {"offset": len(LINE), "content": "", "end": True}
    # The program may have ended when the end is sent again.
    answer = await stage.client.call("POST", path, body=last, also=frozenset({409}))
    if answer.is_success:
        assert answer.json() == {"offset": len(LINE), "ended": True}
    else:
        assert answer.json()["type"].endswith(":already-finished")
    await stage.all_ended(job)
    assert stage.story.kinds(job) == ["queued", "running", "completed"]
    assert_read_once(await stage.story.until_ended(job))


async def session(stage: Stage) -> None:
    """Create and save; who was not answered looks before he repeats."""
    draft = {"language": "bash", "code": "echo draft", "title": "one"}
    saved = {**draft, "code": "echo saved"}
    answer = await stage.client.once("POST", "/v1/sessions", body=draft)
    if answer is None:
        listed = (await stage.client.call("GET", "/v1/sessions")).json()["sessions"]
        answer = (
            await stage.client.call("GET", f"/v1/sessions/{listed[0]['session_id']}")
            if listed
            else await stage.client.call("POST", "/v1/sessions", body=draft)
        )
    path = f"/v1/sessions/{answer.json()['session_id']}"
    tag = {"If-Match": f'"{answer.json()["revision"]}"'}
    await stage.client.call("PUT", path, body=saved, headers=tag, also=frozenset({412}))
    history = (await stage.client.call("GET", f"{path}/history")).json()["revisions"]
    assert [one["document"] for one in history] == [draft, saved], history
    assert len((await stage.client.call("GET", "/v1/sessions")).json()["sessions"]) == 1


async def session_run(stage: Stage) -> None:
    """Run twice, while neither can begin: that is one job."""
    blocker = await stage.block()
    draft = {"language": "bash", "code": "echo run"}
    path = (
        f"/v1/sessions/{(await stage.client.call('POST', '/v1/sessions', body=draft)).json()['session_id']}"
    )
    first = (await stage.client.call("POST", f"{path}/run")).json()["job_id"]
    again = (await stage.client.call("POST", f"{path}/run")).json()["job_id"]
    assert again == first
    await stage.cancel(blocker)
    await stage.all_ended(blocker, first)


async def upload(stage: Stage) -> None:
    """A file is uploaded, named and removed."""
    content = os.urandom(FILE_BYTES)
    name = (await stage.client.call("PUT", "/v1/files", content=content)).json()["file"]
    listed = (await stage.client.call("GET", "/v1/files")).json()["files"]
    assert [(one["file"], one["size"]) for one in listed] == [(name, FILE_BYTES)]
    assert (await stage.client.call("GET", f"/v1/files/{name}")).content == content
    job = await stage.run("sha256sum", stdin={"file": name})
    read = (await stage.client.call("GET", f"/v1/jobs/{job}")).json()["result"]["stdout"]["content"]
    assert read.split()[0] == name.removeprefix("sha256:")
    await stage.client.call("DELETE", f"/v1/files/{name}", also=frozenset({404}))
    assert (await stage.client.call("GET", "/v1/files")).json() == {"files": []}


async def retry(stage: Stage) -> None:
    """A dead letter is given one more chance, and one only."""
    async with user_of(stage.stack, stage.user) as owner:
        dead = await lost(owner)
    await stage.story.until(dead, "failed")
    blocker, *_ = stage.story.jobs_of(stage.user)
    path = f"/v1/dead-letters/{dead}/retry"
    job = (await stage.operator.call("POST", path)).json()["job_id"]
    assert (await stage.operator.call("POST", path)).json()["job_id"] == job
    await stage.all_ended(blocker, dead, job)
    assert stage.story.kinds(job) == ["queued", "running", "completed"]


async def erase(stage: Stage) -> None:
    """Asked until it is done."""
    jobs = [await stage.run(), await stage.run()]
    draft = {"language": "bash", "code": "echo draft"}
    await stage.client.call("POST", "/v1/sessions", body=draft, at_first=False)
    path = f"/v1/users/{quote(stage.user, safe='')}"

    async def is_done() -> bool:
        return (await stage.operator.call("DELETE", path)).status_code == httpx.codes.OK

    await until(is_done)
    assert (await stage.client.call("GET", "/v1/sessions")).json()["sessions"] == []
    for job in jobs:
        await stage.story.until(job, "expired")
        assert stage.story.kinds(job) == ["queued", "running", "completed", "expired"]
        gone = await stage.client.call("GET", f"/v1/jobs/{job}", also=frozenset({410}))
        assert gone.status_code == 410


async def audit(stage: Stage) -> None:
    """Read on behind the last whole line."""
    for _ in range(3):
        await stage.run(LARGE)
    lines = await stage.client.lines("/v1/events")
    told, stored = [line["seq"] for line in lines], stage.story.sequences_of(stage.user)
    assert told == stored, f"{told} instead of {stored}"


async def file(stage: Stage) -> None:
    job = await stage.run(f"head -c {FILE_BYTES} /dev/zero > zeros", artifacts=["zeros"])
    answer = await stage.client.call("GET", f"/v1/jobs/{job}/artifacts/zeros")
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(bytes(FILE_BYTES)).digest()


async def listing(stage: Stage) -> None:
    job = await stage.run()
    await stage.story.until_viewed(job)
    page = (await stage.client.call("GET", "/v1/jobs")).json()["jobs"]
    assert [(one["job_id"], one["status"]) for one in page] == [(job, "completed")]


async def stop(stage: Stage) -> None:
    """It is told to stop while a request waits, for a job that waits for another."""
    blocker = await stage.block()
    submitting = asyncio.create_task(stage.submit(headers=WAIT))

    async def waits() -> bool:
        return "headrace_waits 1.0" in await stage.dying.metrics()

    await until(waits)
    stage.dying.terminate()
    await stage.dying.ended()
    await stage.cancel(blocker)
    await stage.all_ended(blocker, (await submitting)["job_id"])


SCENARIOS: dict[str, Callable[[Stage], Awaitable[None]]] = {
    each.__name__: each
    for each in (
        submit,
        replay,
        wait,
        batch,
        cancel_queued,
        cancel_running,
        talk,
        session,
        session_run,
        upload,
        retry,
        erase,
        audit,
        file,
        listing,
        stop,
    )
}
