"""The hand that kills, pauses and cuts off: the workers of a seed and what happens to them, as the plan has it.

When the plan is over, what was paused or cut off comes back, at least one worker is alive, and requests are answered: from then
on everything has to come to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.simulation.group import SESSION_S, Group
from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.network import Network
from tests.simulation.plan import Fault, Plan
from tests.simulation.worker import Slips, Worker

__all__ = ["Chaos"]

_STALL_S = 4.0


class Chaos:
    """See the module's text. ``make``: what runs in a new process."""

    def __init__(
        self,
        loop: SimulatedLoop,
        rng: Random,
        plan: Plan,
        network: Network,
        group: Group,
        slips: Slips,
        make: Callable[[Process], Worker],
    ) -> None:
        self._loop, self._rng, self._plan = loop, rng, plan
        self._network, self._group, self._slips, self._make = network, group, slips, make
        self._alive: list[Worker] = []
        self._processes: list[Process] = []
        self.over = False

    def begin(self) -> None:
        """Start the workers, and set the time of each fault."""
        for _ in range(self._plan.workers):
            self._start()
        for fault in self._plan.faults:
            self._loop.outside(fault.at_s, self._strike, fault)
        last_s = max((fault.at_s + fault.lasts_s for fault in self._plan.faults), default=0.0)
        self._loop.outside(max(last_s, self._plan.arrivals_s) + 0.01, self._end)

    def resume_all(self) -> None:
        """Let whatever is stopped go on, to be cancelled."""
        for process in self._processes:
            process.steps_left = 0
            if process.stopped:
                process.resume()

    def _start(self) -> None:
        process = Process(self._loop, f"worker {len(self._processes)}")
        self._processes.append(process)
        worker = self._make(process)
        self._alive.append(worker)
        process.call_later(0.0, worker.start)

    def _end(self) -> None:
        self.over = True
        self._network.loss = 0.0
        self._network.cut_off.clear()
        if self._slips.swallowed:
            self._slips.swallowed = 0.0
            self._loop.outside(_STALL_S, self._watchdog)
        if not self._alive:
            self._start()

    def _watchdog(self) -> None:
        """What the worker's own does: where a run was swallowed and none comes after it, the process ends, and begins anew."""
        for worker in list(self._alive):
            self._kill(worker, Fault(0.0, "kill", 0.1, 0))

    def _strike(self, fault: Fault) -> None:
        if fault.kind == "join":
            self._start()
        elif fault.kind == "rebalance":
            self._group.rebalance()
        elif self._alive:
            self._strike_one(fault, self._rng.choice(self._alive))

    def _strike_one(self, fault: Fault, worker: Worker) -> None:
        process = worker.process
        if fault.kind == "kill":
            self._kill(worker, fault)
        elif fault.kind == "kill at a step":
            process.interrupt = lambda: self._kill(worker, fault)
            process.steps_left = fault.steps
        elif fault.kind == "pause":
            process.stop()
            self._loop.outside(fault.lasts_s, self._resume, worker)
            self._loop.outside(SESSION_S, self._expire_stopped, worker)
        elif fault.kind == "cut off":
            self._network.cut_off.add(process)
            self._loop.outside(fault.lasts_s, self._network.cut_off.discard, process)
            self._loop.outside(SESSION_S, self._expire_cut_off, worker)
        elif fault.kind == "retire":
            self._alive.remove(worker)
            process.start(worker.retire())
            self._loop.outside(fault.lasts_s, self._start)
        elif fault.kind == "clock":
            process.skew_s += self._rng.choice((-2.0, -0.3, 0.3, 2.0))

    def _kill(self, worker: Worker, fault: Fault) -> None:
        if worker in self._alive:
            self._alive.remove(worker)
            worker.process.stop()
            self._loop.outside(SESSION_S, self._group.expire, worker)
            self._loop.outside(fault.lasts_s, self._start)

    def _resume(self, worker: Worker) -> None:
        if worker in self._alive and worker.process.stopped:
            worker.process.resume()

    def _expire_stopped(self, worker: Worker) -> None:
        if worker.process.stopped:
            self._group.expire(worker)

    def _expire_cut_off(self, worker: Worker) -> None:
        if worker.process in self._network.cut_off:
            self._group.expire(worker)
