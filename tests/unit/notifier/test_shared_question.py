"""Callers of the same moment share a question; none of them gets an answer from before."""

import asyncio

import pytest

from services.notifier.events.shared_question import SharedQuestion


class Server:
    """Answers with the number of the question, when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.was_asked = asyncio.Event()
        self.fails = False

    async def answer(self) -> int:
        self.asked += 1
        number = self.asked
        self.was_asked.set()
        await self.may_answer.wait()
        if self.fails:
            raise ConnectionError
        return number


async def test_one_question_for_all_of_a_moment_and_one_for_all_who_come_meanwhile() -> None:
    server = Server()
    question = SharedQuestion(server.answer)
    first = [asyncio.create_task(question.answer()) for _ in range(5)]
    async with asyncio.timeout(20):
        await server.was_asked.wait()
        late = [asyncio.create_task(question.answer()) for _ in range(5)]
        await asyncio.sleep(0)
        server.may_answer.set()
        assert await asyncio.gather(*first) == [1] * 5
        assert await asyncio.gather(*late) == [2] * 5
        assert await question.answer() == 3


async def test_a_failure_is_everyones_and_the_next_question_is_asked() -> None:
    server = Server()
    server.fails = True
    server.may_answer.set()
    question = SharedQuestion(server.answer)
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(question.answer(), question.answer(), return_exceptions=True)
        assert [type(one) for one in outcomes] == [ConnectionError] * 2
        server.fails = False
        assert await question.answer() == 2


async def test_who_leaves_takes_no_answer_from_the_others() -> None:
    server = Server()
    question = SharedQuestion(server.answer)
    async with asyncio.timeout(20):
        leaving, staying = (asyncio.create_task(question.answer()) for _ in range(2))
        await server.was_asked.wait()
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        server.may_answer.set()
        assert await staying == 1
