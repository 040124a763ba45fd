"""How long the event loop stood still while something was under way, so that a slow worker is not taken for a slow server.

A process that gets no processor, or whose loop is held by a long computation, reads an answer late and fires its time-outs
first: seen from inside it looks as if nobody had answered. A tick that comes late tells the two apart.
"""

import asyncio
import time
from typing import Self

__all__ = ["Standstill"]

_TICK_SECONDS = 0.1


class Standstill:
    """From ``start`` to ``stop``; ``seconds``: by how much all ticks came late, together."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._due = float("inf")
        self._tick: asyncio.TimerHandle | None = None

    def start(self) -> Self:
        """Begin to tick."""
        self._next()
        return self

    def stop(self) -> None:
        """Tick no more; what the last tick had not told is added."""
        self._note()
        if self._tick is not None:
            self._tick.cancel()
        self._due = float("inf")

    def _next(self) -> None:
        self._due = time.monotonic() + _TICK_SECONDS
        self._tick = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._ticked)

    def _ticked(self) -> None:
        self._note()
        self._next()

    def _note(self) -> None:
        late = time.monotonic() - self._due
        if late > _TICK_SECONDS:
            self.seconds += late
            self._due += late
