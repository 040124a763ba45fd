"""What the process that answers knows of itself: its partitions with lag and rate, and the equation over what they read.

A worker knows of no other worker, so the answer names the process. Rates: ``app.web.looks``.
"""

import os
import socket
import time

from app.metrics import Metrics
from app.web.context import Context
from app.web.looks import Counts
from app.web.shapes import Equation, Process, RoleLag, RolePartition

__all__ = ["equation_of", "process_of"]

_TERMS = ("in_records", "waiting", "duplicate", "late", "rejected")


def process_of(context: Context) -> Process:
    """What it knows now."""
    read, lag = _by_shard(context.metrics, "events_read"), _by_shard(context.metrics, "lag_records")
    before = context.looks.before(read, time.monotonic())
    roles = []
    for role, state in sorted(context.health.roles.items()):
        parts = [_partition(role, number, read, lag, before) for number in sorted(state.shards)]
        name, reason = state.worst
        roles.append(RoleLag(role=role, state=name, reason=reason, partitions=parts))
    over_s = None if before is None else round(before[0], 1)
    equation = equation_of(context.metrics)
    return Process(host=socket.gethostname(), pid=os.getpid(), rate_over_s=over_s, roles=roles, equation=equation)


def equation_of(metrics: Metrics) -> Equation | None:
    """Over the partitions of the pair role here; None where there are none."""
    read = metrics.shown_figures.total("gnomon_pairing_read_total")
    if read is None:
        return None
    terms = {
        name: int(metrics.shown_figures.total(f"gnomon_pairing_{name}{'' if name == 'waiting' else '_total'}") or 0)
        for name in _TERMS
    }
    return Equation(read=int(read), **terms, holds=int(read) == sum(terms.values()))


def _partition(role: str, number: int, read: Counts, lag: Counts, before: tuple[float, Counts] | None) -> RolePartition:
    place, count = (role, number), read.get((role, number), 0.0)
    rate = None
    if before is not None and place in before[1]:
        rate = round(max(0.0, count - before[1][place]) / before[0], 3)
    known = lag.get(place)
    return RolePartition(partition=number, lag=None if known is None else int(known), read=int(count), read_per_s=rate)


def _by_shard(metrics: Metrics, name: str) -> Counts:
    """The newest value of a metric by role and partition."""
    return {
        (sample.labels["role"], int(sample.labels["partition"])): sample.value
        for family in getattr(metrics, name).collect()
        for sample in family.samples
    }
