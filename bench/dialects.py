"""The dialect `jobs`: what submissions and results cost in it, and what it promises of order and repetitions.

``python -m bench.dialects``. First 1,000 sockets, each of a user of its own: the time from the submission to
its result, in the dialect and in the native API in turn. Then accepted submissions a second of one user whose
token has a higher limit, beside native ones, and beside what the older service's queue took of one user.
Last, requests that are each sent twice at once with one key: half as many jobs, begun in the order of their
submission. A broken promise ends the benchmark.
"""

import asyncio
import json
import resource
import time

import aiohttp

from bench.dialect_sockets import CODE, DialectSide, NativeSide, Side, User, open_users
from bench.measure import console, ratio, summary
from bench.posts import Posts, open_posts
from headrace.client.endpoint import Endpoint, issue, local_endpoint
from headrace.local.supervisor import Stack, StackOptions, private_stack
from shared.contract.subjects import JOBS, TERMINAL_KINDS
from shared.dialects.jobs import NAME
from shared.domain.events import JobQueued, JobRunning
from shared.jetstream.connection import connect
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry
from shared.settings import BrokerSettings

OLDER_PER_S = 300
"""Messages a second of one group in the queue of the older service, and it had a group for each user."""

OPTIONS = StackOptions(environment={"HEADRACE_DIALECTS": NAME})
SOCKETS = 1_000
SOCKET_ROUNDS = 2
SUBMITTING = 2
"""Users with a job under way at a time, so that jobs do not wait for each other."""

ROUNDS = 6
PER_ROUND = 3_000
AT_ONCE = 32
USERS = 50
JOBS_EACH = 20


def open_http() -> aiohttp.ClientSession:
    """Requests over as many connections as needed, each given up before the api closes it as idle."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=2))


async def results_ms(side: Side, names: list[str]) -> list[float]:
    """Every user's time from its submission to its result, some users at a time; all sockets stay open."""
    async with open_users(side, names) as users, open_http() as http:
        turns = asyncio.Semaphore(SUBMITTING)

        async def run(user: User) -> float:
            async with turns:
                return await user.run(http)

        return await asyncio.gather(*map(run, users))


async def compare_sockets() -> None:
    """The dialect and the native API in turn, each with 1,000 sockets."""
    async with private_stack(OPTIONS) as stack:
        sides = (NativeSide(stack), DialectSide(stack))
        found: dict[str, list[float]] = {side.name: [] for side in sides}
        for number in range(SOCKET_ROUNDS):
            for side in sides:
                names = [f"{side.name} {number} {user}" for user in range(SOCKETS)]
                found[side.name] += await results_ms(side, names)
    ours, native = (summary(found[side.name]) for side in (DialectSide, NativeSide))
    at = f"{SOCKETS} sockets"
    console.print(native.row(f"native, POST to result, {at}", "ms"))
    console.print(ours.row(f"dialect, POST to result, {at}", "ms"))
    console.print(
        f"results at the dialect's sockets: {len(ours.values)}, each of its own user's job, and once"
    )
    ratio("dialect_result_p50", ours.median, native.median, "lower")
    ratio("dialect_result_p99", ours.percentile(99), native.percentile(99), "lower")


async def posts_a_second(endpoint: Endpoint, side: type[Side]) -> float:
    """Post PER_ROUND programs over AT_ONCE connections, which an api would close between two turns."""
    assert isinstance(endpoint.token, str), "a local endpoint has a token"
    connections = [
        await open_posts(endpoint.api_url, endpoint.token, side.body, side.path) for _ in range(AT_ONCE)
    ]

    async def repeat(connection: Posts) -> None:
        for _ in range(PER_ROUND // AT_ONCE):
            await connection.post()
        connection.writer.close()

    began = time.perf_counter()
    await asyncio.gather(*map(repeat, connections))
    return PER_ROUND // AT_ONCE * AT_ONCE / (time.perf_counter() - began)


async def compare_submissions() -> None:
    """Submissions of one user, in turn; nothing is executed meanwhile."""
    sides = (NativeSide, DialectSide)
    found: dict[str, list[float]] = {side.name: [] for side in sides}
    async with private_stack(OPTIONS) as stack:
        await stack.services["executor"].stop()
        endpoint = local_endpoint(stack.directory, stack.address)
        for number in range(ROUNDS):
            for side in sides:
                per_s = await posts_a_second(endpoint, side)
                if number:
                    found[side.name].append(per_s)
    ours, native = (summary(found[side.name]) for side in (DialectSide, NativeSide))
    console.print(native.row(f"POST /v1/jobs accepted, {AT_ONCE} at once", "/s"))
    console.print(ours.row(f"POST /execute accepted, {AT_ONCE} at once, one user", "/s"))
    ratio("dialect_submit", ours.median, native.median, "higher")
    ratio("dialect_submit_older", ours.median, OLDER_PER_S, "higher")


class Order:
    """Each user's jobs in the order in which the log accepted and began them."""

    def __init__(self) -> None:
        """Nothing is told yet."""
        self.accepted: dict[str, list[str]] = {}
        self.begun: dict[str, list[str]] = {}
        self.ended = 0
        self.changed = asyncio.Event()

    async def follow(self, batch: list[Entry]) -> None:
        """Take what the log tells."""
        for entry in batch:
            match entry.event():
                case JobQueued(user_id=user, job_id=job):
                    self.accepted.setdefault(user, []).append(job)
                case JobRunning(user_id=user, job_id=job, attempt=1):
                    self.begun.setdefault(user, []).append(job)
                case _:
                    pass
            self.ended += entry.subject.rpartition(".")[2] in TERMINAL_KINDS
        self.changed.set()

    async def until_ended(self, jobs: int) -> None:
        """Wait for so many ends."""
        while self.ended < jobs:
            self.changed.clear()
            await self.changed.wait()


async def submit_twice(stack: Stack, http: aiohttp.ClientSession, user: str) -> list[str]:
    """One job after another, each asked for twice at once. Raises SystemExit if the answers differ."""
    token = issue(stack.directory, user)

    async def post(number: int) -> str:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{user}-{number}"}
        url = stack.address.api_url + DialectSide.path
        async with http.post(url, json={"code": CODE}, headers=headers) as answer:
            if answer.status != 200:
                raise SystemExit(f"not accepted: {await answer.text()}")
            return str(json.loads(await answer.read())["job_id"])

    jobs: list[str] = []
    for number in range(JOBS_EACH):
        first, second = await asyncio.gather(post(number), post(number))
        if first != second:
            raise SystemExit(f"one request became {first} and {second}")
        jobs.append(first)
    return jobs


async def check_promises() -> None:
    """Order of start, and one job for each request."""
    async with private_stack(OPTIONS) as stack, open_http() as http:
        settings = BrokerSettings(
            nats_url=stack.nats.url, nats_user=stack.nats.user, nats_password=stack.nats.password
        )
        async with connect(settings, service="bench") as broker:
            order = Order()
            following = asyncio.create_task(Follower(broker, JOBS, order.follow, service="bench").run())
            names = [f"user-{number}" for number in range(USERS)]
            began = time.perf_counter()
            jobs = await asyncio.gather(*(submit_twice(stack, http, name) for name in names))
            await order.until_ended(USERS * JOBS_EACH)
            took_s = time.perf_counter() - began
            following.cancel()
            await asyncio.wait({following})
    submitted = dict(zip(names, jobs, strict=True))
    if order.accepted != submitted:
        raise SystemExit("the log has other jobs than the answers, or in another order")
    if order.begun != submitted:
        raise SystemExit("a job was begun before an earlier one of its user")
    count = USERS * JOBS_EACH
    console.print(
        f"{2 * count} requests, two with each key: {count} jobs, {count / took_s:.1f} ended a second"
    )
    console.print(f"order of start: {USERS} users, {JOBS_EACH} jobs each, all in the order of submission")


async def measure() -> None:
    """Print every comparison."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    await compare_sockets()
    await compare_submissions()
    await check_promises()


if __name__ == "__main__":
    asyncio.run(measure())
