"""A virtual clock under asyncio, and processes that can be stopped between any two of their steps.

`SimulatedLoop` is an event loop without sockets or threads: when nothing is ready it sets the clock to the next timer. Nothing
waits for real, and everything that happens is drawn from the seed. Timers that are due at the same moment come in an order that
the seed draws, across all processes; what they make ready runs in the order that asyncio promises.

A `Process` owns the tasks that were started in its context, and those that they started. `stop` keeps its callbacks back from
the next one on: for a while that is a paused process (a zombie, when it comes back), for ever it is a `kill -9`. No clean-up of a
stopped process runs, no `finally` and no cancellation, as none would after a real one.
"""

from __future__ import annotations

import asyncio
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from random import Random
from typing import Any

__all__ = ["Process", "SimulatedLoop", "new_loop"]

_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class Process:
    """See the module's text. ``steps_left``: after so many steps ``interrupt`` is called, once; 0: never."""

    __slots__ = ("_context", "_loop", "held", "interrupt", "name", "skew_s", "steps_left")

    def __init__(self, loop: SimulatedLoop, name: str) -> None:
        self._loop, self.name = loop, name
        self._context = copy_context()
        self._context.run(_PROCESS.set, self)
        self.held: list[_Handle] | None = None  # callbacks of a stopped one
        self.steps_left = 0
        self.interrupt: Callable[[], None] = self.stop
        self.skew_s = 0.0  # of its wall clock

    @property
    def stopped(self) -> bool:
        return self.held is not None

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run this as a task of the process."""
        self._loop.create_task(work, context=self._context.copy())

    def call_later(self, delay_s: float, callback: Callable[..., Any], *arguments: Any) -> None:
        """Call this in the process; if it is stopped then, when it goes on."""
        self._loop.add_timer(delay_s, _Handle(callback, arguments, self._context.copy(), self))

    def stop(self) -> None:
        """No further step."""
        if self.held is None:
            self.held = []

    def resume(self) -> None:
        """Go on with what has piled up, in its order."""
        held, self.held = self.held, None
        self._loop.ready.extend(held or ())


def new_loop(rng: Random) -> SimulatedLoop:
    """A loop at time 0."""
    return SimulatedLoop(rng)  # type: ignore[abstract]  # sockets, signals and processes are not of this world


class _Handle:
    __slots__ = ("arguments", "callback", "context", "gone", "process")

    def __init__(self, callback: Any, arguments: Any, context: Context | None, process: Process | None) -> None:
        self.callback, self.arguments, self.context, self.process = callback, arguments, context, process
        self.gone = False

    def cancel(self) -> None:
        self.gone = True


class SimulatedLoop(asyncio.AbstractEventLoop):
    """See the module's text. ``failures``: exceptions that nobody has looked at; ``turn_ends``: how often, of the looks."""

    def __init__(self, rng: Random) -> None:
        self._random = rng.random
        self._now = 0.0
        self.ready: deque[_Handle] = deque()
        self._timers: list[tuple[float, float, _Handle]] = []
        self._process: Process | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self.failures: list[str] = []
        self.halted = False
        self.steps = 0
        self.turn_ends = 0.0
        self._worked_s = 0.0

    # What asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        self._tasks.append(task)
        return task

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]  # a lean handle
        process = self._process if context is None else context.get(_PROCESS)
        handle = _Handle(callback, args, context, process)
        self.ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]  # as above
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Any:
        process = self._process if context is None else context.get(_PROCESS)
        return self.add_timer(delay, _Handle(callback, args, context, process))

    def call_at(  # type: ignore[override]  # as above
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Any:
        return self.call_later(when - self._now, callback, *args, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if context.get("message") != "Task was destroyed but it is pending!":
            self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    def stopwatch(self) -> float:
        """What work is timed with. Work takes no time here; but now and then it has taken long enough to let others on."""
        if self.turn_ends and self._random() < self.turn_ends:
            self._worked_s += 1.0
        return self._worked_s

    # Running

    def add_timer(self, delay_s: float, handle: _Handle) -> _Handle:
        """Have this called when so much time has passed."""
        heappush(self._timers, (self._now + max(delay_s, 0.0), self._random(), handle))
        return handle

    def outside(self, delay_s: float, callback: Any, *arguments: Any) -> None:
        """Call this later, on behalf of no process: the network, a broker, the hand of fate."""
        self.add_timer(delay_s, _Handle(callback, arguments, None, None))

    def run(self, until_s: float) -> None:
        """Run until ``halted`` is set or something has failed, which is looked at whenever the clock moves, or until then."""
        events._set_running_loop(self)
        self.halted = False
        try:
            while not self.halted and not self.failures:
                self._run_ready()
                if not self._timers or self._timers[0][0] > until_s:
                    return
                self._next_moment()
        finally:
            events._set_running_loop(None)

    def finish(self) -> None:
        """Cancel every task of every process, and run until all have ended; the clock stands still."""
        events._set_running_loop(self)
        try:
            for _ in range(50):
                pending = [task for task in self._tasks if not task.done()]
                if not pending:
                    return
                for task in pending:
                    task.cancel()
                self._run_ready()
        finally:
            events._set_running_loop(None)
        self.failures.append(f"tasks that do not end: {pending}")

    def _next_moment(self) -> None:
        timers, ready = self._timers, self.ready
        now = self._now = timers[0][0]
        while timers and timers[0][0] <= now:
            handle = heappop(timers)[2]
            if not handle.gone:
                ready.append(handle)

    def _run_ready(self) -> None:
        ready = self.ready
        while ready:
            handle = ready.popleft()
            if handle.gone:
                continue
            process = self._process = handle.process
            if process is not None and (process.held is not None or process.steps_left) and not self._may_step(process, handle):
                continue
            self.steps += 1
            try:
                if handle.context is None:
                    handle.callback(*handle.arguments)
                else:
                    handle.context.run(handle.callback, *handle.arguments)
            except Exception as error:  # noqa: BLE001  told in the seed's report
                self.failures.append(str(error) if isinstance(error, AssertionError) else f"{handle.callback}: {error!r}")
        self._process = None

    def _may_step(self, process: Process, handle: _Handle) -> bool:
        if process.held is not None:
            process.held.append(handle)
            return False
        process.steps_left -= 1
        if process.steps_left:
            return True
        self.ready.appendleft(handle)
        process.interrupt()
        return False
