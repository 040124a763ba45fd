"""The table of single faults: each with a name, a seed and a short run, `python -m tests.faults.campaign --only NAME`."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from app.dev.servers import Servers
from tests.faults import brokers, clocks, coming_and_going, credentials, disks, ends, logs_cut, network, partitions
from tests.faults.alerts import Plan
from tests.faults.campaign import SETTINGS, TOML, Campaign
from tests.faults.cluster import ClusterServers, ClusterService
from tests.faults.report import Report
from tests.integration.harness import Service


class Judged(Protocol):
    """What came of a row."""

    @property
    def passed(self) -> bool: ...

    def lines(self) -> Iterator[str]:
        """For people."""


class Row(Protocol):
    """A row of the table, run on servers of its own; nothing is left."""

    @property
    def name(self) -> str: ...

    @property
    def seed(self) -> int: ...

    def run(self, say: Callable[[Any], None] = print) -> Judged:
        """All of it."""


@dataclass(frozen=True)
class Entry:
    """A fault in traffic. The traffic lasts longer than the script, or the run fails: a fault that met none shows nothing."""

    name: str
    seed: int
    requests: int
    rate: float
    script: Callable[[Campaign], None]
    servers: Callable[..., AbstractContextManager[Servers]] = Servers
    service: type[Service] = Service
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, say: Callable[[Any], None] = print) -> Report:
        """On servers of its own; nothing is left."""
        with tempfile.TemporaryDirectory(prefix="gnomon-faults-") as folder, self.servers(log=say) as servers:
            prefix = f"faults-{uuid.uuid4().hex[:8]}."
            with self.service(servers, prefix, Path(folder), toml=TOML, settings=SETTINGS | self.settings) as service:
                return Campaign(service, self.requests, self.rate, (), say, self.seed, self.script).run()


#: While brokers are away the sender waits for them, and one topic's partition may come back sooner than the other's. What the
#: sender does not send in time is late by right, so the window is longer than any of that.
REPLICATED = {
    "GNOMON_TOPICS__REPLICATION_FACTOR": "3",
    "GNOMON_PAIRING__WINDOW_MS": "50000",
    "GNOMON_PAIRING__GRACE_MS": "2000",
    "GNOMON_PAIRING__DEDUPLICATION_MS": "100000",
}
ENTRIES: tuple[Row, ...] = (
    Entry("kills-and-zombies", 25, 200_000, 1_500.0, coming_and_going.kills_and_zombies),
    Entry("rolling-restarts", 11, 45_000, 1_500.0, coming_and_going.rolling_restarts),
    Entry("rebalance-storm", 12, 60_000, 1_200.0, coming_and_going.rebalance_storm),
    Entry("rebalance-storm-5", 20, 160_000, 1_000.0, partial(coming_and_going.rebalance_storm, seconds=300.0)),
    Entry("log-cut", 13, 6_000, 1_500.0, logs_cut.log_cut),
    Entry("checkpoint-garbage", 14, 6_000, 1_500.0, logs_cut.checkpoint_garbage),
    Entry("checkpoint-deleted", 24, 6_000, 1_500.0, logs_cut.checkpoint_deleted),
    Entry("network", 15, 60_000, 1_500.0, network.network, network.ProxiedServers, network.ProxiedService),
    Entry("delayed-end", 21, 110_000, 1_500.0, ends.delayed_end, ends.FramedServers, network.ProxiedService, ends.SETTINGS),
    Entry("clock-jump", 22, 45_000, 1_500.0, clocks.clock_jump, service=clocks.ClockedService),
    Entry("disk-full", 23, 50_000, 1_000.0, disks.disk_full, disks.SmallDiskServers, settings=disks.SETTINGS),
    Entry("three-brokers", 16, 140_000, 700.0, brokers.three_brokers, ClusterServers, ClusterService, REPLICATED),
    Entry("two-of-three-down", 17, 48_000, 800.0, brokers.two_of_three_down, ClusterServers, ClusterService, REPLICATED),
    Entry("partitions-added", 19, 8_000, 400.0, partitions.partitions_added),
    Entry(
        "credentials-revoked",
        18,
        48_000,
        1_000.0,
        credentials.credentials_revoked,
        credentials.GuardedServers,
        credentials.GuardedService,
        {"GNOMON_PAIRING__WINDOW_MS": "10000", "GNOMON_PAIRING__GRACE_MS": "2000", "GNOMON_PAIRING__DEDUPLICATION_MS": "40000"},
    ),
    Plan("alerts", 29),
    Plan("alertmanager-outage", 30, conditions=1_000, seconds=150.0, kills=0, pauses=0),
)
BY_NAME = {entry.name: entry for entry in ENTRIES}
