"""The consumer group: who has which partitions, in generations.

A rebalance takes everything from everybody (the eager protocol) and deals it anew: each member is told, gives up what it has, and
joins; when all have joined or the time for it is over, the next generation begins, and whoever has not joined is out. A
member hears of all this with its heartbeats: late, and while it is stopped not at all, so it may go on with partitions
that are another's by then. A member that the group has put out learns it in the same way, and joins again.
"""

from __future__ import annotations

from random import Random
from typing import Protocol

from tests.simulation.loop import Process, SimulatedLoop

__all__ = ["Group", "Member"]

SESSION_S = 0.4
_JOIN_S = 0.4
_HEARTBEATS_S = (0.0, 0.01, 0.05, 0.15)


class Member(Protocol):
    """A worker, as the group knows it."""

    process: Process

    def revoked(self) -> None: ...
    def dealt(self, partitions: set[int], generation: int) -> None: ...


class Group:
    """See the module's text."""

    def __init__(self, loop: SimulatedLoop, rng: Random, partitions: int) -> None:
        self._loop, self._rng, self._partitions = loop, rng, partitions
        self._members: list[Member] = []
        self._joined: list[Member] = []
        self._generation = 0
        self._dealing = False

    def join(self, member: Member) -> int:
        """A member is ready for the next generation, with nothing in its hands; the number of that."""
        if member not in self._joined:
            self._joined.append(member)
        if not self._dealing:
            self._begin()
        generation = self._generation
        self._look()
        return generation

    def leave(self, member: Member) -> None:
        """It goes by itself, or its session is over."""
        known = member in self._members or member in self._joined
        self._members = [each for each in self._members if each is not member]
        self._joined = [each for each in self._joined if each is not member]
        if known and not self._dealing:
            self._begin()
        self._look()

    def expire(self, member: Member) -> None:
        """Nothing was heard of it for a session."""
        if member in self._members or member in self._joined:
            self.leave(member)
            self._tell(member)

    def rebalance(self) -> None:
        """For whatever reason."""
        if not self._dealing and self._members:
            self._begin()

    def _begin(self) -> None:
        self._dealing = True
        self._generation += 1
        for member in self._members:
            if member not in self._joined:
                self._tell(member)
        self._loop.outside(_JOIN_S, self._time_is_up, self._generation)

    def _tell(self, member: Member) -> None:
        member.process.call_later(self._rng.choice(_HEARTBEATS_S), member.revoked)

    def _look(self) -> None:
        if self._dealing and self._joined and all(member in self._joined for member in self._members):
            self._deal()

    def _time_is_up(self, of_generation: int) -> None:
        if self._dealing and of_generation == self._generation:
            self._deal()

    def _deal(self) -> None:
        self._members, self._joined, self._dealing = self._joined, [], False
        count = len(self._members)
        for number, member in enumerate(self._members):
            share = {at for at in range(self._partitions) if at * count // self._partitions == number or count == 1}
            member.process.call_later(self._rng.choice(_HEARTBEATS_S), member.dealt, share, self._generation)
