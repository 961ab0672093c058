"""However many callers ask, a question is asked once at a time, and its answer is kept for a moment."""

import asyncio

import pytest

from node.metrics.recent import Recent


class Question:
    """Counts how often it is asked; answers when a test lets it."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def __call__(self) -> int:
        self.asked += 1
        number = self.asked
        await self.may_answer.wait()
        if number == 3:
            raise ValueError("no answer")
        return number


async def test_callers_at_the_same_time_share_one_answer() -> None:
    question = Question()
    recent = Recent(question, keep_seconds=60)
    callers = [asyncio.create_task(recent.get(5)) for _ in range(50)]
    await asyncio.sleep(0)
    question.may_answer.set()

    assert set(await asyncio.gather(*callers)) == {1}
    assert await recent.get(5) == 1
    assert question.asked == 1


async def test_a_caller_that_cannot_wait_gives_up_and_the_next_one_gets_the_answer() -> None:
    question = Question()
    recent = Recent(question, keep_seconds=60)
    with pytest.raises(TimeoutError):
        await recent.get(0.01)
    question.may_answer.set()

    assert await recent.get(5) == 1
    assert question.asked == 1


async def test_an_answer_is_asked_again_when_its_time_is_over_and_an_error_is_kept_as_long() -> None:
    question = Question()
    question.may_answer.set()
    recent = Recent(question, keep_seconds=0)

    assert await recent.get(5) == 1
    async with asyncio.timeout(60):
        while await recent.get(5) == 1:  # an answer is kept for twenty times as long as it took
            pass
    kept = Recent(question, keep_seconds=60)
    for _ in range(3):
        with pytest.raises(ValueError, match="no answer"):
            await kept.get(5)
    assert question.asked == 3


async def test_an_answer_that_took_long_is_kept_longer() -> None:
    """So an expensive question takes a limited share of the time."""
    question = Question()
    recent = Recent(question, keep_seconds=0)
    caller = asyncio.create_task(recent.get(5))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await question.may_answer.wait()
    question.may_answer.set()

    assert await caller == 1
    assert await recent.get(5) == 1


async def test_a_question_ends_with_its_owner() -> None:
    recent = Recent(Question(), keep_seconds=60)
    with pytest.raises(TimeoutError):
        await recent.get(0.01)
    await recent.close()
    with pytest.raises(asyncio.CancelledError):
        await recent.get(1)


async def test_a_fresh_answer_is_one_whose_question_begins_later() -> None:
    """Neither a kept answer nor one that is on its way; callers who wait for a fresh one share it."""
    question = Question()
    recent = Recent(question, keep_seconds=60)
    running = asyncio.create_task(recent.get(5))
    await asyncio.sleep(0)
    fresh = [asyncio.create_task(recent.get(5, fresh=True)) for _ in range(3)]
    await asyncio.sleep(0)
    question.may_answer.set()

    assert await running == 1
    assert await asyncio.gather(*fresh) == [2, 2, 2]
    assert await recent.get(5) == 2


async def test_an_answer_that_was_forgotten_is_not_given_again() -> None:
    question = Question()
    question.may_answer.set()
    recent = Recent(question, keep_seconds=60)

    assert await recent.get(5) == 1
    recent.forget()
    assert await recent.get(5) == 2
    assert await recent.get(5) == 2


async def test_a_fresh_answer_that_does_not_come_in_time_is_an_error() -> None:
    recent = Recent(Question(), keep_seconds=60)
    running = asyncio.create_task(recent.get(5))
    await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        await recent.get(0.01, fresh=True)
    running.cancel()
    await recent.close()
