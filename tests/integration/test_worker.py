"""The worker as an operator meets it: what it refuses and by which exit code, how it ends, what it says of itself."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from app.dev.ports import free_ports
from app.dev.servers import Servers
from tests.integration.harness import DRAIN_SECONDS, PARTITIONS, READY_SECONDS, Service, eventually

pytestmark = pytest.mark.integration


class Refusal(NamedTuple):
    """What is wrong, the exit code, and what must be said of it."""

    spoil: Callable[[Service], None]
    roles: str
    code: int
    says: tuple[str, ...]


def _nothing(_: Service) -> None:
    pass


def _all_topics(service: Service) -> None:
    service.create_topics()


def _without_pairs(service: Service) -> None:
    service.create_topics(but=("pairs", "predictions.shadow"))


def _other_partitions(service: Service) -> None:
    service.create_topics()
    admin = AdminClient({"bootstrap.servers": service.servers.bootstrap_servers})
    for done in admin.create_partitions([NewPartitions(f"{service.prefix}predictions.shadow", PARTITIONS + 2)]).values():
        done.result()


def _no_broker(service: Service) -> None:
    [port] = free_ports(1)
    service.environment["GNOMON_KAFKA__BOOTSTRAP_SERVERS"] = f"127.0.0.1:{port}"


def _wrong_settings(service: Service) -> None:
    service.environment |= {"GNOMON_PAIRING__WINDOW_MS": "soon", "GNOMON_PAIRING__GRACE_MS": "-1"}


REFUSALS = {
    "missing topics": Refusal(
        _without_pairs, "pair", 1, ("predictions.shadow: missing", "pairs: missing", "gnomon topics create")
    ),
    "wrong partition count": Refusal(
        _other_partitions, "pair", 1, (f"predictions.shadow: partitions is {PARTITIONS + 2}, should be {PARTITIONS}",)
    ),
    "unreachable broker": Refusal(_no_broker, "pair", 1, ("cannot reach Kafka: tried 127.0.0.1:",)),
    "unknown role": Refusal(_nothing, "pair,guess", 2, ("no such role: 'guess'", "pair, detect, decide, notify, serve")),
    "faults in the settings": Refusal(_wrong_settings, "pair", 2, ("pairing.window_ms", '"soon"', "pairing.grace_ms")),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_it_refuses_by_name(servers: Servers, prefix: str, tmp_path: Path, name: str) -> None:
    refusal = REFUSALS[name]
    with Service(servers, prefix, tmp_path, create=False) as service:
        refusal.spoil(service)
        worker = service.worker(refusal.roles)
        assert worker.child.wait_ended(30), worker.log()
        said = worker.log()
        assert worker.child.exit_code == refusal.code, said
        assert [text for text in refusal.says if text not in said] == [], said
        assert "Traceback" not in said


def test_a_taken_port_is_named(servers: Servers, prefix: str, tmp_path: Path) -> None:
    with socket.socket() as taken, Service(servers, prefix, tmp_path) as service:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        worker = service.worker("pair", port=port)
        assert worker.child.wait_ended(30), worker.log()
        assert worker.child.exit_code == 1
        assert f"cannot listen on 127.0.0.1:{port}" in worker.log()
        assert "web.port" in worker.log()


def test_it_is_ready_with_what_the_group_gave_it_and_drains_on_a_signal(servers: Servers, prefix: str, tmp_path: Path) -> None:
    with Service(servers, prefix, tmp_path) as service:
        workers = [service.worker("pair").ready()]
        workers += [service.worker("pair") for _ in range(PARTITIONS)]

        def held() -> list[str]:
            answers = [worker.get("/-/ready") for worker in workers]
            said = [json.loads(body)["roles"]["pair"] for status, body in answers if status == 200]
            return sorted(f"{each['state']} {each['partitions']}" for each in said)

        # All at once: a worker that is ready alone is taken into the next round of the group by one that comes later.
        divided = sorted(["without_partitions []", *(f"live [{at}]" for at in range(PARTITIONS))])
        eventually(lambda: held() == divided, READY_SECONDS, lambda: str(held()))
        for worker in workers:
            assert worker.terminate() < DRAIN_SECONDS
