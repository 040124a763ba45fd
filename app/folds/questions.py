"""What a fold wants to know of the log, on its way: each question is asked once until it is answered.

Delivery guarantees: none are needed. A question is part of the fold's saved state, so the next shard asks it again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from app.folds.fold import LogAnswer, LogQuery
from app.folds.ledger import Ledger

__all__ = ["Questions"]


class Questions:
    """``answered`` takes an answer, ``fail`` the error where there is none."""

    def __init__(
        self, ledger: Ledger, answered: Callable[[LogQuery, LogAnswer], Awaitable[None]], fail: Callable[[Exception], None]
    ) -> None:
        self._ledger, self._answered, self._fail = ledger, answered, fail
        self._asked: dict[LogQuery, asyncio.Task[None]] = {}

    def ask(self, queries: Iterable[LogQuery]) -> None:
        """Ask those that are not on their way yet."""
        for query in queries:
            if query not in self._asked:
                self._asked[query] = asyncio.create_task(self._ask(query))

    async def _ask(self, query: LogQuery) -> None:
        try:
            await self._answered(query, await self._ledger.ask(query))
        except Exception as error:  # noqa: BLE001  an answer that did not come is asked for again by the next shard
            self._fail(error)
        finally:
            self._asked.pop(query, None)

    def cancel(self) -> None:
        """Wait for no answer any more."""
        for task in self._asked.values():
            if task is not asyncio.current_task():
                task.cancel()
