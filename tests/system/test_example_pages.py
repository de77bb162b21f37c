"""The pages of examples/dialects in a real browser: each result is shown, whatever breaks meanwhile."""

import asyncio
import os
import re
import shutil
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from headrace.local.nats_server import free_port
from headrace.local.supervisor import Stack
from tests.browser import PATIENCE_MS, Tab, open_browser
from tests.freezing import freeze
from tests.hosts import needs_chromium, needs_npm
from tests.system.conftest import assert_nothing_was_refused, user_of
from tests.system.examples import EXAMPLES, README, served, stack_for_pages

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.full,
    pytest.mark.timeout(300),
    needs_npm,
    needs_chromium,
]

PAGES = {
    "jobs": "jobs/",
    "connections": "connections/?connections",
    "progress": "connections/?progress",
}
USER = "ada"
HELD_UP_MS = 300_000
ENDLESS = "import time\ntime.sleep(600)"
WAITING = re.compile("^(pending|queued)$")
UNCONNECTED = re.compile("^(pending|submitting)$")
COMPLETED = re.compile(r"^completed in \d+(\.\d+)? ms$")


def pages(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", [PAGES[name] for name in names], ids=names)


every_page = pages(*PAGES)


@pytest.fixture(scope="module")
def page_port() -> int:
    return free_port()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(page_port: int, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    directory = tmp_path_factory.mktemp("pages") / "data"
    async with stack_for_pages(directory, page_port, HEADRACE_WALL_MS_MAX=str(HELD_UP_MS)) as running:
        yield running
        assert_nothing_was_refused(running)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(stack: Stack, page_port: int, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The folder of a fresh clone, built by the README's command, served."""
    folder = tmp_path_factory.mktemp("site") / "dialects"
    left_by_a_build = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(EXAMPLES / "dialects", folder, ignore=left_by_a_build)
    (command,) = re.findall(r"^\(cd examples/dialects/jobs && (npm .*)\)$", README, re.MULTILINE)
    for words in command.split(" && "):
        await run(folder / "jobs", *words.split())
    async with served(stack, folder, USER, page_port) as url:
        yield url


async def run(directory: Path, *command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, cwd=directory, stdout=PIPE, stderr=PIPE)
    output, errors = await process.communicate()
    assert process.returncode == 0, (output + errors).decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    async with open_browser() as running:
        yield running


@asynccontextmanager
async def opened(browser: Browser, url: str, *, is_cut: bool = False) -> AsyncIterator[Tab]:
    """A tab with the page, which does not complain; where `is_cut`, the browser may, of the network."""
    async with await browser.new_context() as context:
        tab = Tab(await context.new_page())
        await tab.page.goto(url)
        yield tab
        assert tab.faults() == []
        assert is_cut or tab.complaints == []


async def press_run(tab: Tab, code: str) -> None:
    await tab.page.fill("#code", code)
    await tab.page.click("#run")


async def shows(tab: Tab, status: re.Pattern[str], **texts: str | re.Pattern[str]) -> None:
    """Wait until the page shows that; whatever is not named is empty."""
    await expect(tab.page.locator("#status")).to_have_text(status)
    for name in ("stdout", "stderr", "error"):
        await expect(tab.page.locator(f"#{name}")).to_have_text(texts.get(name, ""))


@asynccontextmanager
async def held_up(stack: Stack) -> AsyncIterator[None]:
    """No program of the pages begins meanwhile: the user's jobs run one after the other, and this is one."""
    async with user_of(stack, USER) as user:
        program = {"language": "python", "code": ENDLESS, "limits": {"wall_ms": HELD_UP_MS}}
        job = await user.client.submit(program)
        try:
            yield
        finally:
            await user.client.cancel(job.job_id)


@asynccontextmanager
async def frozen(stack: Stack) -> AsyncIterator[None]:
    """The notifier tells and accepts nothing meanwhile."""
    pid = stack.services["notifier"].process.pid
    await freeze(pid)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@every_page
async def test_each_program_s_own_output_is_shown(browser: Browser, site: str, path: str) -> None:
    async with opened(browser, site + path) as tab:
        for number in range(4):
            await press_run(tab, f"print({number})")
            await shows(tab, COMPLETED, stdout=f"{number}\n")
            await expect(tab.page.locator("#run")).to_be_enabled()


@every_page
async def test_why_a_program_failed_is_shown(browser: Browser, site: str, path: str) -> None:
    async with opened(browser, site + path) as tab:
        await press_run(tab, "print('begun')\nlist()[1]")
        failed, traceback = re.compile("^failed in "), re.compile("IndexError")
        await shows(tab, failed, stdout="begun\n", stderr=traceback, error=re.compile(r"."))


@pages("jobs", "connections")
async def test_why_a_program_is_not_taken_is_shown(browser: Browser, site: str, path: str) -> None:
    """These two dialects refuse a program without a character."""
    async with opened(browser, site + path, is_cut=True) as tab:
        await press_run(tab, "")
        await shows(tab, re.compile("^(ready|no result)$"), error=re.compile(r"."))
        await press_run(tab, "print('taken')")
        await shows(tab, COMPLETED, stdout="taken\n")


@every_page
async def test_a_result_comes_after_a_reload(browser: Browser, stack: Stack, site: str, path: str) -> None:
    async with opened(browser, site + path) as tab:
        async with held_up(stack):
            await until_connected(tab, path)
            await press_run(tab, "print('late')")
            await expect(tab.page.locator("#status")).to_have_text(WAITING)
            await tab.page.reload()
            await expect(tab.page.locator("#status")).to_have_text(WAITING)
        await shows(tab, COMPLETED, stdout="late\n")
        await tab.page.reload()
        await shows(tab, COMPLETED, stdout="late\n")
        await expect(tab.page.locator("#code")).to_have_value("print('late')")


@pages("jobs", "connections")
async def test_a_result_comes_without_a_connection(
    browser: Browser, stack: Stack, site: str, path: str
) -> None:
    """Polled for, or as the answer to the submission; here, too, after a reload."""
    async with frozen(stack), opened(browser, site + path) as tab:
        async with held_up(stack):
            await press_run(tab, "print('answered')")
            await expect(tab.page.locator("#status")).to_have_text(UNCONNECTED)
            await tab.page.reload()
            await expect(tab.page.locator("#status")).to_have_text(UNCONNECTED)
        await shows(tab, COMPLETED, stdout="answered\n")


@every_page
async def test_two_tabs_show_each_its_own_result(
    browser: Browser, stack: Stack, site: str, path: str
) -> None:
    async with opened(browser, site + path) as one, opened(browser, site + path) as other:
        async with held_up(stack):
            for tab, text in ((one, "one"), (other, "other")):
                await until_connected(tab, path)
                await press_run(tab, f"print('{text}')")
                await expect(tab.page.locator("#status")).to_have_text(WAITING)
        await shows(other, COMPLETED, stdout="other\n")
        await shows(one, COMPLETED, stdout="one\n")


async def test_a_program_that_goes_on_is_stopped(browser: Browser, site: str) -> None:
    async with opened(browser, site + PAGES["progress"]) as tab:
        await press_run(tab, ENDLESS)
        await expect(tab.page.locator("#status")).to_have_text(re.compile("^run 0 %: ."))
        await tab.page.click("#stop")
        await shows(tab, re.compile("^cancelled$"))


@every_page
async def test_a_result_comes_after_the_notifier_was_killed(
    browser: Browser, stack: Stack, site: str, path: str
) -> None:
    async with opened(browser, site + path, is_cut=True) as tab:
        async with held_up(stack):
            await until_connected(tab, path)
            await press_run(tab, "print('late')")
            await expect(tab.page.locator("#status")).to_have_text(WAITING)
            await expect(tab.page.locator("#connection")).to_have_text("connected")
            async with tab.sockets[-1].expect_event("close", timeout=PATIENCE_MS):
                stack.services["notifier"].process.kill()
        await shows(tab, COMPLETED, stdout="late\n")


async def until_connected(tab: Tab, path: str) -> None:
    """Wait for the connection that a page has before it runs a program; that of `jobs` has none."""
    if path != PAGES["jobs"]:
        await expect(tab.page.locator("#connection")).to_have_text("connected")
