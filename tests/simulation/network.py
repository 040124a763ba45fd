"""What lies between a process and the brokers: delays, and answers that are lost.

A request that is under way arrives whatever becomes of its sender. Its fate is drawn from the seed: it is answered; it is lost;
it is carried out and its answer is lost; or it is **delayed**, carried out after the sender has stopped waiting for it. In the
last three cases the sender learns the same: that time is up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from aiokafka.errors import KafkaError, RequestTimedOutError

from tests.simulation.loop import Process, SimulatedLoop

__all__ = ["REQUEST_TIMEOUT_S", "Network"]

REQUEST_TIMEOUT_S = 0.2
_DELAYS_S = (0.0, 0.0, 0.0, 0.0, 0.001, 0.001, 0.002, 0.005, 0.02)


class Network:
    """See the module's text. ``loss``: the share of requests that are not answered; ``delayable``: kinds that may be delayed."""

    def __init__(self, loop: SimulatedLoop, rng: Random, loss: float, delayable: frozenset[str]) -> None:
        self._loop, self._rng = loop, rng
        self.loss, self.delayable = loss, delayable
        self.cut_off: set[Process] = set()
        self.down = False  # at the end of a seed: nothing is answered, at once
        self.unanswered = 0

    async def ask(self, process: Process, kind: str, carry_out: Callable[..., Any], *arguments: Any) -> Any:
        """Have ``carry_out`` called at the broker; its answer or its error, or that time is up."""
        rng = self._rng
        if self.down:
            raise RequestTimedOutError
        lost = process in self.cut_off or rng.random() < self.loss
        if not lost:
            delay_s = _DELAYS_S[int(rng.random() * 9)]
            if not delay_s:
                return carry_out(*arguments)
        answer = self._loop.create_future()
        if lost:
            self._lose(process, kind, answer, carry_out, arguments)
        else:
            self._loop.outside(delay_s, self._arrive, answer, carry_out, arguments)
        result = await answer
        if isinstance(result, KafkaError):
            raise result
        return result

    def _lose(
        self, process: Process, kind: str, answer: asyncio.Future[Any], carry_out: Callable[..., Any], arguments: Any
    ) -> None:
        self.unanswered += 1
        self._loop.outside(REQUEST_TIMEOUT_S, _settle, answer, RequestTimedOutError())
        if process in self.cut_off:
            return
        fate = self._rng.random()
        if fate < 0.4:  # the answer is lost
            self._loop.outside(self._rng.choice(_DELAYS_S), self._arrive, None, carry_out, arguments)
        elif fate < 0.7 and kind in self.delayable:
            late_s = REQUEST_TIMEOUT_S * self._rng.choice((1.01, 1.1, 2.0, 5.0))
            self._loop.outside(late_s, self._arrive, None, carry_out, arguments)

    @staticmethod
    def _arrive(answer: asyncio.Future[Any] | None, carry_out: Callable[..., Any], arguments: Any) -> None:
        try:
            result = carry_out(*arguments)
        except KafkaError as error:
            result = error
        if answer is not None:
            _settle(answer, result)


def _settle(answer: asyncio.Future[Any], result: Any) -> None:
    if not answer.done():
        answer.set_result(result)
