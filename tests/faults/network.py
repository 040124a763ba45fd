"""The network between the workers and the broker: resets, black holes, one direction alone. `load` and the oracle go past it."""

from __future__ import annotations

import random
import time
from typing import Any

from app.dev.kafka_server import KafkaServer
from app.dev.kafka_settings import kafka_settings, write_settings
from app.dev.ports import HOST, free_ports
from app.dev.servers import Servers
from tests.faults.campaign import Campaign
from tests.faults.proxy import Proxy
from tests.integration.harness import Service

RESETS = 30
MAP = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT"


class _ProxiedKafka(KafkaServer):
    """Has one listener more, which it advertises at the proxy's port."""

    ports_needed = 3

    def _command(self, ports: list[int]) -> list[str]:
        port, controller, behind = ports
        data, settings = self.folder / "data", kafka_settings(port, controller, self.folder / "data")
        self._runtime.lay_storage(data)
        self.proxied, self.behind = free_ports(1)[0], behind
        settings["listeners"] += f",PROXIED://{HOST}:{behind}"
        settings["advertised.listeners"] += f",PROXIED://{HOST}:{self.proxied}"
        settings |= {"listener.security.protocol.map": MAP, "inter.broker.listener.name": "PLAINTEXT"}
        return self._runtime.command("kafka.Kafka", str(write_settings(self.folder / "server.properties", settings)))


class ProxiedServers(Servers):
    """As `Servers`, with a broker that workers reach through a proxy of this kind."""

    kind: type[Proxy] = Proxy
    proxy: Proxy

    def __enter__(self) -> ProxiedServers:
        super().__enter__()
        plain = self.kafka
        plain.stop()
        self.kafka = kafka = _ProxiedKafka(plain._runtime, plain.folder)
        self._cleanup.callback(kafka.stop)
        kafka.start()
        self.proxy = self.kind(kafka.proxied, kafka.behind)
        self._cleanup.callback(self.proxy.close)
        return self


class ProxiedService(Service):
    """Its workers know the proxy alone; `load`, the onlooker and the oracle go past it."""

    def __init__(self, servers: Servers, *arguments: Any, **settings: Any) -> None:
        super().__init__(servers, *arguments, **settings)
        assert isinstance(servers, ProxiedServers)
        kafka = servers.kafka
        assert isinstance(kafka, _ProxiedKafka)
        self.environment["GNOMON_KAFKA__BOOTSTRAP_SERVERS"] = f"{HOST}:{kafka.proxied}"


def network(run: Campaign) -> None:
    """Resets one after the other; then black holes, and each direction held alone, longer than a session now and then."""
    assert isinstance(run.service.servers, ProxiedServers)
    proxy, rng, cut = run.service.servers.proxy, random.Random(run.seed), 0
    for _ in range(RESETS):
        time.sleep(rng.uniform(0.3, 1.2))
        cut += proxy.reset()
    run.faults.append(f"{RESETS} resets that cut {cut} connections")
    holes = (proxy.to_broker, proxy.to_worker), (proxy.to_broker,), (proxy.to_worker,)
    for gates in holes:
        mark = run.onlooker.pairs
        run.until(lambda mark=mark: run.onlooker.pairs > mark, "the workers to go on")  # type: ignore[misc]  # default
        for gate in gates:
            gate.clear()
        seconds = rng.uniform(3.0, 8.0)
        time.sleep(seconds)
        for gate in gates:
            gate.set()
        way = "both ways" if len(gates) == 2 else "to the broker" if gates[0] is proxy.to_broker else "to the workers"
        run.faults.append(f"nothing through {way} for {seconds:.1f} s")
    assert not run.traffic.ended, "the traffic was over before the faults were"
    run.notes.append(f"longest silence {run.onlooker.longest_silence_s:.1f} s")
