"""The game of examples/guessing is played: on its page in a real browser, on pipes, and on a terminal."""

import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from headrace.client.endpoint import LOCAL_USER
from headrace.local.nats_server import free_port
from headrace.local.supervisor import Stack
from shared.retry import poll
from tests.browser import PATIENCE_MS, Tab, open_browser
from tests.hosts import needs_chromium
from tests.system.conftest import assert_nothing_was_refused, user_of
from tests.system.examples import EXAMPLES, ROOT, served, stack_for_pages, start
from tests.system.test_example_pages import opened
from tests.terminal import CTRL_C, on_terminal

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.full, pytest.mark.timeout(300)]

USER = "ada"
PLAY = EXAMPLES / "guessing/play.py"
ASKED = "Do you want to guess (yes, no)? "
THOUGHT = "Think of a number from 1 to 100.\n"
ANSWERS = {
    "no": ASKED,
    "lower": "Is it 50 (yes, higher, lower)? ",
    "higher": "Is it 25 (yes, higher, lower)? ",
}
LAST = "Is it 37 (yes, higher, lower)? "
END = "Your number is 37. Tries: 3\n"
OVER = "the game is over"
WHOLE = f"{ASKED}no\n{THOUGHT}{ANSWERS['lower']}lower\n{ANSWERS['higher']}higher\n{LAST}yes\n{END}"
"""A game on the page, with the answers."""
MARKUP = "<img src=x onerror=alert(1)><b>bold</b>"


@pytest.fixture(scope="module")
def page_port() -> int:
    return free_port()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(page_port: int, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with stack_for_pages(tmp_path_factory.mktemp("guessing") / "data", page_port) as running:
        yield running
        assert_nothing_was_refused(running)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(stack: Stack, page_port: int) -> AsyncIterator[str]:
    async with served(stack, EXAMPLES / "guessing", USER, page_port) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    async with open_browser() as running:
        yield running


async def begin(tab: Tab) -> None:
    """A new game has asked its first question."""
    await tab.page.click("#start")
    await shows(tab, ASKED)


async def answer(tab: Tab, line: str) -> None:
    await tab.page.fill("#line", line)
    await tab.page.press("#line", "Enter")


async def shows(tab: Tab, output: str) -> None:
    """Exactly this, at last."""
    await expect(tab.page.locator("#output")).to_have_js_property("textContent", output)


async def play_on(tab: Tab, *answers: str) -> None:
    """Each answer is given after its question."""
    for one in answers:
        await expect(tab.page.locator("#output")).to_contain_text(ANSWERS[one].strip())
        await answer(tab, one)


async def play_to_the_end(tab: Tab) -> None:
    await expect(tab.page.locator("#output")).to_contain_text(LAST.strip())
    await answer(tab, "yes")
    await shows(tab, WHOLE)
    await expect(tab.page.locator("#status")).to_have_text(OVER)
    await expect(tab.page.locator("#line")).to_be_disabled()


@needs_chromium
async def test_a_game_is_played_on_the_page(browser: Browser, page: str) -> None:
    async with opened(browser, page) as tab:
        await begin(tab)
        await play_on(tab, *ANSWERS)
        await play_to_the_end(tab)
        await begin(tab)
        await answer(tab, "yes")
        await expect(tab.page.locator("#output")).to_contain_text("Your guess (1 to 100)?")
        await tab.page.click("#end")
        await expect(tab.page.locator("#output")).to_contain_text("Good bye.")
        await expect(tab.page.locator("#status")).to_have_text(OVER)


@needs_chromium
async def test_a_game_goes_on_after_the_notifier_was_killed(
    browser: Browser, stack: Stack, page: str
) -> None:
    async with opened(browser, page, is_cut=True) as tab:
        await begin(tab)
        await play_on(tab, "no")
        async with tab.sockets[-1].expect_event("close", timeout=PATIENCE_MS):
            stack.services["notifier"].process.kill()
        # The question may have been shown before. The answer waits for the next connection.
        await answer(tab, "lower")
        await play_on(tab, "higher")
        await play_to_the_end(tab)
        assert len(tab.sockets) > 1


@needs_chromium
async def test_a_game_goes_on_after_a_reload(browser: Browser, page: str) -> None:
    async with opened(browser, page) as tab:
        await begin(tab)
        await play_on(tab, "no", "lower")
        await expect(tab.page.locator("#output")).to_contain_text("Is it 25")
        await tab.page.reload()
        await play_on(tab, "higher")
        await play_to_the_end(tab)
        await tab.page.reload()
        await shows(tab, WHOLE)
        await expect(tab.page.locator("#status")).to_have_text(OVER)
        assert await tab.text("#refusal") == ""


@needs_chromium
async def test_nothing_that_is_shown_becomes_part_of_the_page(browser: Browser, page: str) -> None:
    async with opened(browser, page) as tab:
        await begin(tab)
        await answer(tab, MARKUP)
        await shows(tab, f"{ASKED}{MARKUP}\n{ASKED}")
        assert await tab.page.locator("#output *").count() == 0


@needs_chromium
async def test_a_refused_answer_is_told_and_the_game_goes_on(
    browser: Browser, stack: Stack, page: str
) -> None:
    async with opened(browser, page) as tab:
        await begin(tab)
        await answer(tab, "x" * 70_000)
        await expect(tab.page.locator("#refusal")).to_contain_text("65536")
        job_id = await tab.page.evaluate("sessionStorage.getItem('game')")
        async with user_of(stack, USER) as user:
            await user.client.send_input(job_id, "perhaps\n")
        await shows(tab, f"{ASKED}perhaps\n{ASKED}")
        await answer(tab, "no")
        await expect(tab.page.locator("#refusal")).to_contain_text("8")
        await answer(tab, "no")
        await expect(tab.page.locator("#output")).to_contain_text("Is it 50")
        await expect(tab.page.locator("#refusal")).to_be_empty()


@needs_chromium
async def test_a_game_that_is_not_taken_is_told(browser: Browser, stack: Stack, page: str) -> None:
    async with opened(browser, page, is_cut=True) as tab:
        await tab.page.route(
            "**/session", lambda route: route.fulfill(json={"api": stack.address.api_url, "token": "x"})
        )
        await tab.page.click("#start")
        await expect(tab.page.locator("#refusal")).to_contain_text("token")
        await expect(tab.page.locator("#start")).to_be_enabled()


async def test_a_game_is_played_on_pipes(stack: Stack) -> None:
    player = await start(stack, sys.executable, PLAY, stdin=PIPE)
    stdout, stderr = await player.communicate(b"no\nlower\nhigher\nyes\n")
    assert (player.returncode, stderr) == (0, b"")
    questions = "".join(ANSWERS.values()).removeprefix(ASKED)
    assert stdout.decode() == f"{ASKED}{THOUGHT}{questions}{LAST}{END}"


async def test_the_end_of_a_pipe_ends_the_game(stack: Stack) -> None:
    player = await start(stack, sys.executable, PLAY, stdin=PIPE)
    stdout, _ = await player.communicate(b"maybe\n")
    assert stdout.decode() == f"{ASKED}{ASKED}\nGood bye.\n"
    assert player.returncode == 0


def environment_of(stack: Stack) -> dict[str, str]:
    return {**os.environ, "HEADRACE_DATA": str(stack.directory), "PYTHONASYNCIODEBUG": ""}


async def test_a_game_is_played_on_a_terminal(stack: Stack) -> None:
    async with on_terminal(sys.executable, PLAY, environment=environment_of(stack), cwd=ROOT) as player:
        for line, question in ANSWERS.items():
            await player.until(question)
            player.press(f"{line}\r".encode())
        await player.until(LAST)
        player.press(b"yes\r")
        assert await player.end() == 0
    assert player.screen == WHOLE.splitlines()


async def test_ctrl_c_ends_the_game(stack: Stack) -> None:
    async with on_terminal(sys.executable, PLAY, environment=environment_of(stack), cwd=ROOT) as player:
        await player.until(ASKED)
        player.press(CTRL_C)
        assert await player.end() == 130
    async with user_of(stack, LOCAL_USER) as user:
        await poll(
            lambda: user.client.jobs(limit=1),
            until=lambda page: bool(page.jobs) and page.jobs[0].status == "cancelled",
            within_s=30,
            pause_s=0.05,
        )
