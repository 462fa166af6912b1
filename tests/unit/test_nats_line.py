"""Lines to a NATS server where no contract can see them: what is to end ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from huizhen.adapters.nats_line import end_all, first


async def deaf(ended: list[int]) -> None:
    """Loses the first cancellation, as `asyncio.wait_for` may."""
    try:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)
    finally:
        ended.append(1)


def test_a_task_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    ended: list[int] = []

    async def work() -> None:
        task = asyncio.create_task(deaf(ended))
        await asyncio.sleep(0)
        await end_all(task)
        assert task.done()

    asyncio.run(asyncio.wait_for(work(), 30))
    assert ended == [1]


def test_a_session_ends_with_its_connection_though_it_loses_a_cancellation() -> None:
    ended: list[int] = []

    async def work() -> None:
        gone = asyncio.Event()
        asyncio.get_running_loop().call_soon(gone.set)
        assert await first(deaf(ended), gone, None) is None

    asyncio.run(asyncio.wait_for(work(), 30))
    assert ended == [1]
