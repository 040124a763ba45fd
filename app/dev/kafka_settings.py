"""The broker's settings: one KRaft node, on 127.0.0.1 alone, that starts fast and takes what the service's limits allow.

`docker-compose.yml` has the same ones, but for the listeners; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.dev.ports import HOST

__all__ = ["SETTINGS", "kafka_settings", "write_settings"]

SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    # topics are created by `gnomon topics create`, with partitions, retention and compaction; never by a typing error
    "auto.create.topics.enable": "false",
    # inputs take 1 MiB by default and dead letters 64 KiB more; 8 MiB leaves room for a configured limit
    "message.max.bytes": "8388608",
    # one node cannot replicate
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # a group of one machine need not wait for members to gather
    "group.initial.rebalance.delay.ms": "0",
    # a killed broker may register again when its session is over: after 3 s instead of 9, so a restart takes 4 s and not 11
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # the fault tests look at sessions that are shorter than production's
    "group.min.session.timeout.ms": "1000",
    # the cleaner's default buffer is 128 MiB, half of the memory that this broker gets
    "log.cleaner.threads": "1",
    "log.cleaner.dedupe.buffer.size": "4194304",
}


def kafka_settings(port: int, controller_port: int, data: Path) -> dict[str, str]:
    """All settings of a broker at these ports with its data in this folder."""
    return {
        **SETTINGS,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "log.dirs": str(data),
    }


def write_settings(path: Path, settings: Mapping[str, str]) -> Path:
    """Write a properties file; a backslash would begin an escape there."""
    lines = (f"{key}={value}\n".replace("\\", "\\\\") for key, value in settings.items())
    path.write_text("".join(lines))
    return path
