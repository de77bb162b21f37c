"""Pages of each dialect in a real browser, from another origin: they get what they ask for."""

import asyncio
import time
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest

from headrace.local.supervisor import Stack
from shared.dialects.names import prefix_of
from tests.dialects.browser.chromium import Chromium, Tab
from tests.dialects.browser.pages import API, DIALECTS, NOTIFIER, url_of
from tests.dialects.conftest import FIREBASE_PROJECT
from tests.dialects.executions.page import FIELDS
from tests.hosts import needs_cc, needs_chromium, needs_node
from tests.issuer import Issuer
from tests.system.conftest import User

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_chromium]

RUNS = 12
HELD_MS = 150
C = '#include <stdio.h>\nint main(void) { puts("built"); }'
SLOW = "import time\ntime.sleep(1)\nprint('late')"


def own_port(name: str, token: str) -> dict[str, str]:
    """The addresses of a dialect at its own port."""
    return {"api": f"http://{DIALECTS[name]}", "socket": f"ws://{DIALECTS[name]}", "token": token}


def prefix(name: str, token: str) -> dict[str, str]:
    """The addresses of a dialect below its prefix."""
    below = prefix_of(name)
    return {"api": f"http://{API}{below}", "socket": f"ws://{NOTIFIER}{below}", "token": token}


@pytest.mark.full
@pytest.mark.timeout(240)
@pytest.mark.row("jobs", "4.1", "6.1", "6.2", "6.3", "7.2")
async def test_the_hooks_of_jobs_show_every_result(tab: Tab, dialect_user: User) -> None:
    await tab.open(url_of("jobs", **own_port("jobs", dialect_user.token)))
    told = await tab.evaluate(f"run({RUNS})")
    assert told["shown"] == [
        {"wasConnected": True, "hasEnded": True, "stdout": f"{number}\n"} for number in range(RUNS)
    ]
    # Those that were closed came back.
    assert told["sockets"] > RUNS + 3
    assert tab.failures == []


async def execute_async(tab: Tab, code: str) -> None:
    """Submit a program with the page of `connections` until it has shown its result.

    The page drops a result that comes before it has read the answer to the submission. That may only be where
    the answer took it longer than a result is held back, as on a machine that stands still.
    """
    for _ in range(20):
        await tab.evaluate(f"execute({code!r})")
        await tab.until("!pending || dropped.includes(pending)")
        job_id = await tab.evaluate("pending")
        if job_id is None:
            return
        assert await tab.evaluate(f"answerMs['{job_id}']") > HELD_MS
    raise AssertionError("every answer takes too long")


@pytest.mark.row("connections", "1.1", "5.1", "6.1", "6.2")
@pytest.mark.row("all", "2.8", "3.2")
@pytest.mark.full
async def test_a_page_of_connections_is_told_what_it_waits_for(tab: Tab, dialect_user: User) -> None:
    await tab.open(url_of("connections", **own_port("connections", dialect_user.token)))
    await tab.until("connectionId")
    for number in range(5):
        await execute_async(tab, f"print({number})")
    expected = {"mode": "async", "success": True, "stderr": "", "error": None, "violations": []}
    assert await tab.evaluate("shown") == [{**expected, "stdout": f"{number}\n"} for number in range(5)]
    assert ("OPTIONS", f"http://{DIALECTS['connections']}/execute/async") in tab.requests
    assert tab.failures == []


@pytest.mark.full
@pytest.mark.row("connections", "2.1", "5.1", "6.1", "6.3")
async def test_two_tabs_of_connections_and_one_that_loses_its_socket(
    tab: Tab, chromium: Chromium, dialect_user: User
) -> None:
    async with chromium.tab() as other:
        await tab.open(url_of("connections", **own_port("connections", dialect_user.token)))
        await other.open(url_of("connections", **prefix("connections", dialect_user.token)))
        first_id, other_id = [await one.until("connectionId") for one in (tab, other)]
        assert first_id != other_id
        for number in range(3):
            await asyncio.gather(execute_async(tab, f"print({number})"), execute_async(other, "1/0"))
        # What a closed socket would have been told is told to no other one.
        await tab.evaluate(f"execute({SLOW!r})")
        lost = await tab.evaluate("pending")
        await tab.evaluate("socket.close()")
        await tab.until("connectionId === null")
        await tab.evaluate("execute('print(3)')")
        assert await tab.until("connectionId") not in {first_id, other_id}
        await execute_async(tab, "print(4)")
        shown = await tab.evaluate("shown.map(({ mode, stdout }) => [mode, stdout])")
        failed = await other.evaluate("shown.map(({ success, error }) => [success, error])")
        for one in (tab, other):
            dropped, own = [await one.evaluate(what) for what in ("dropped", "Object.keys(answerMs)")]
            assert set(dropped) <= set(own) - {lost}
            assert one.failures == []
    modes = ["async", "async", "async", "sync", "async"]
    assert shown == [[mode, f"{number}\n"] for number, mode in enumerate(modes)]
    assert failed == [[False, "The program ended with exit code 1."]] * 3


def firebase_token(firebase: Issuer) -> str:
    """What `getIdToken()` of the page's user gives."""
    now = int(time.time())
    return firebase.token(
        now=now,
        iss=f"https://securetoken.google.com/{FIREBASE_PROJECT}",
        aud=FIREBASE_PROJECT,
        sub="Zq3fWbYkTnR1xUo7LmPd5sVcH2g1",
        auth_time=now - 60,
        email="pupil@example.com",
        firebase={"identities": {}, "sign_in_provider": "password"},
    )


@pytest.mark.row("executions", "1.1", "3.1", "3.2", "4.3", "4.4", "4.5", "4.6")
@pytest.mark.full
async def test_a_page_of_executions_watches_loses_its_socket_and_is_reloaded(
    tab: Tab, dialect_stack: Stack, firebase: Issuer
) -> None:
    await tab.open(url_of("executions", token=firebase_token(firebase)))
    health = "fetch('/health/%s').then((answer) => answer.json()).then(({ status }) => status)"
    assert [await tab.evaluate(health % path) for path in ("", "ready")] == ["healthy", "ready"]
    await tab.evaluate("submit('print(input())', 'Hello\\n').then(watch)")
    assert await tab.until("closeCode") == 1000
    statuses = await tab.evaluate("statuses.splice(0)")
    assert statuses == [word for word in ("pending", "running", "completed") if word in statuses]
    assert await tab.evaluate("[shown.status, shown.output, shown.error_output]") == [
        "completed",
        "Hello\n",
        "",
    ]
    # It connects again, and is loaded again, before the end: each time it gets the result.
    await tab.evaluate(f"submit({SLOW!r}).then(watch)")
    await tab.until("statuses.length")
    await tab.evaluate("socket.close()")
    await tab.evaluate("shown = null, watch(location.hash.slice(1))")
    await tab.until("statuses.length")
    await tab.reload()
    assert await tab.until("closeCode") == 1000
    assert await tab.evaluate("[shown.status, shown.output]") == ["completed", "late\n"]
    # And after it.
    await tab.reload()
    assert await tab.until("closeCode") == 1000
    assert await tab.evaluate("[statuses, shown.output]") == [["completed"], "late\n"]
    assert tab.failures == []


@pytest.mark.full
@pytest.mark.row("executions", "2.1", "2.2", "2.3", "2.6")
@pytest.mark.row("all", "2.8")
async def test_a_page_of_executions_of_another_origin_polls(
    tab: Tab, dialect_stack: Stack, firebase: Issuer
) -> None:
    base = f"http://{DIALECTS['executions']}"
    await tab.open(url_of("executions", base=base, token=firebase_token(firebase)))
    await tab.evaluate("submit('import sys; sys.exit(3)').then(poll)")
    shown = await tab.until("shown")
    assert tuple(shown) == FIELDS
    assert (shown["status"], shown["error_output"]) == ("error", "The program ended with exit code 3.")
    assert shown["user_id"] == "Zq3fWbYkTnR1xUo7LmPd5sVcH2g1"
    assert ("OPTIONS", f"{base}/api/v1/executions/execute") in tab.requests
    assert tab.failures == []


@needs_node
@pytest.mark.full
@pytest.mark.row("livecode", "1.1", "2.1", "2.6", "2.7", "3.1", "3.2", "3.3", "3.5", "5.1")
@pytest.mark.row("all", "2.8")
async def test_a_client_of_livecode_saves_and_polls_without_a_token(tab: Tab) -> None:
    api = f"http://{DIALECTS['livecode']}"
    await tab.open(url_of("livecode", api=api))
    await tab.evaluate("open()")
    for piece in ("print", "('Hel", "lo')"):
        await tab.evaluate(f"type({piece!r})")
        await tab.until("saved === text")
    assert await tab.evaluate("saves") == 3
    assert ("OPTIONS", f"{api}/code-sessions/{await tab.evaluate('session')}") in tab.requests
    for what in ("run()", "execute('javascript', \"console.log('Hello');\")"):
        await tab.evaluate(what)
        statuses = await tab.evaluate("statuses")
        assert statuses == [word for word in ("QUEUED", "RUNNING", "COMPLETED") if word in statuses]
        assert (statuses[0], await tab.evaluate("result.output")) == ("QUEUED", "Hello")
    await tab.evaluate("execute('python', 'print(1')")
    assert await tab.evaluate("[statuses.at(-1), result.output]") == ["FAILED", ""]
    assert "SyntaxError" in await tab.evaluate("result.error")
    assert tab.failures == []


@pytest.mark.full
@pytest.mark.row("livecode", "6.1")
@pytest.mark.parametrize("base", [DIALECTS["livecode"], API + prefix_of("livecode")])
async def test_swagger_ui_of_livecode_is_shown_from_its_own_assets(
    tab: Tab, dialect_stack: Stack, base: str
) -> None:
    await tab.open(f"http://{base}/api")
    paths = "[...document.querySelectorAll('.opblock-summary-path')].map((path) => path.textContent)"
    await tab.until("document.querySelectorAll('.opblock').length >= 6")
    shown = [path.replace("\u200b", "") for path in await tab.evaluate(paths)]
    assert {"/executions", "/executions/{id}", "/code-sessions/{id}/run"} <= set(shown)
    assert await tab.evaluate("getComputedStyle(document.querySelector('.opblock')).borderRadius") == "4px"
    # A request is tried out: it goes to the address that the page is of.
    place = ".opblock-post:has([data-path='/code-sessions'])"
    for button in (".opblock-summary-control", ".execute"):
        await tab.click(f"{place} {button}")
    status = "document.querySelector('.live-responses-table .response .response-col_status')?.textContent"
    assert "201" in await tab.until(status)
    assert ("POST", f"http://{base}/code-sessions") in tab.requests
    origin = f"http://{base.partition('/')[0]}/"
    assert [url for _, url in tab.requests if not url.startswith((origin, "data:"))] == []
    assert tab.failures == []


def told_of(job_id: str, told: list[dict[str, Any]]) -> Iterator[tuple[str, str | None]]:
    """The types and stages of a job's messages, repetitions as one."""
    messages = [one for one in told if one.get("job_id") == job_id]
    for kind, _ in groupby((one["type"], one.get("stage")) for one in messages):
        yield kind


@needs_cc
@pytest.mark.full
@pytest.mark.row("progress", "1.1", "2.2", "2.3", "2.6", "2.7", "3.4", "3.7", "3.9", "3.12", "6.1")
async def test_a_client_of_progress_follows_cancels_and_is_reloaded(tab: Tab, dialect_user: User) -> None:
    given = {"socket": f"ws://{DIALECTS['progress']}/api/v1/ws", "api": f"http://{API}"}
    await tab.open(url_of("progress", **given, token=dialect_user.token))
    await tab.until("socket.readyState === WebSocket.OPEN")
    # One that runs, so that the other one waits until it is followed.
    first = await tab.evaluate("submit('bash', 'sleep 60')")
    job = await tab.evaluate(f"submit('c', {C!r})")
    await tab.evaluate(f"follow('{first}'), follow('{job}')")
    assert (await tab.until("connectionId")).startswith("conn_")
    await tab.until(f"of('{first}', 'progress_update')")
    await tab.evaluate(f"ask('request_status', '{job}')")
    assert (await tab.until(f"of('{job}', 'job_status')"))["status"] == "queued"
    await tab.evaluate(f"ask('cancel_job', '{first}')")
    await tab.until(f"of('{first}', 'job_cancelled')")
    end = await tab.until(f"of('{job}', 'job_complete')")
    told = await tab.evaluate("told")
    assert list(told_of(first, told)) == [
        ("subscribed", None),
        ("progress_update", "run"),
        ("job_cancelled", None),
    ]
    assert [kind for kind in told_of(job, told) if kind[0] != "job_status"] == [
        ("subscribed", None),
        ("progress_update", "compile"),
        ("stage_complete", "compile"),
        ("progress_update", "run"),
        ("stage_complete", "run"),
        ("job_complete", None),
    ]
    percents = [one["progress"] for one in told if one["type"] == "progress_update" and one["job_id"] == job]
    assert percents == sorted(percents)
    assert (end["results"]["stdout"], end["results"]["exit_code"]) == ("built\n", 0)
    await tab.evaluate(f"ask('cancel_job', '{job}')")
    assert (await tab.until(f"of('{job}', 'error')"))["code"] == "JOB_ALREADY_COMPLETED"
    # Loaded again, it is told the ends that were and the one that comes.
    late = await tab.evaluate(f"submit('python', {SLOW!r})")
    await tab.evaluate(f"follow('{late}')")
    await tab.reload()
    assert await tab.until(f"of('{job}', 'job_complete')") == end
    assert (await tab.until(f"of('{late}', 'job_complete')"))["results"]["stdout"] == "late\n"
    assert ("OPTIONS", f"http://{API}/v1/jobs") in tab.requests
    assert tab.failures == []
