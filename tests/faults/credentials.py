"""Credentials that are taken away while the workers run, and given back: nothing may be said meanwhile, and why has to be said.

The workers log in by SCRAM, through a proxy that can cut their connections: a login holds as long as its connection does, so
only then is the password asked for again. `load`, the onlooker and the oracle use the plain listener.
"""

from __future__ import annotations

import json
import time
from typing import Any

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from app.dev.kafka_server import KafkaServer
from app.dev.kafka_settings import kafka_settings, write_settings
from app.dev.ports import HOST, free_ports
from app.dev.servers import Servers
from tests.faults.campaign import Campaign
from tests.faults.proxy import Proxy
from tests.integration.harness import Service, Worker, eventually

USER, PASSWORD, MECHANISM = "worker", "in-and-out", ScramMechanism.SCRAM_SHA_512
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
#: Sent before the credentials go.
BEFORE_PAIRS = 3_000
REVOKED_SECONDS = 40.0
#: By then each worker has to say why it stands still.
TOLD_SECONDS = 30.0


class _GuardedKafka(KafkaServer):
    """Has one listener more, which asks for a login and is advertised at the proxy's port."""

    ports_needed = 3

    def _command(self, ports: list[int]) -> list[str]:
        port, controller, self.behind = ports
        data, settings = self.folder / "data", kafka_settings(port, controller, self.folder / "data")
        self._runtime.lay_storage(data)
        self.proxied = free_ports(1)[0]
        settings["listeners"] += f",GUARDED://{HOST}:{self.behind}"
        settings["advertised.listeners"] += f",GUARDED://{HOST}:{self.proxied}"
        settings |= {
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,GUARDED:SASL_PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.guarded.scram-sha-512.sasl.jaas.config": SCRAM,
        }
        return self._runtime.command("kafka.Kafka", str(write_settings(self.folder / "server.properties", settings)))


class GuardedServers(Servers):
    """As `Servers`, with a broker that workers have to log in to, through a proxy."""

    proxy: Proxy

    def __enter__(self) -> GuardedServers:
        super().__enter__()
        plain = self.kafka
        plain.stop()
        self.kafka = kafka = _GuardedKafka(plain._runtime, plain.folder)
        self._cleanup.callback(kafka.stop)
        kafka.start()
        self.proxy = Proxy(kafka.proxied, kafka.behind)
        self._cleanup.callback(self.proxy.close)
        self.admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        self.give()
        return self

    def give(self) -> None:
        """Let the workers in."""
        info = ScramCredentialInfo(MECHANISM, 4096)
        self._alter(UserScramCredentialUpsertion(USER, info, PASSWORD.encode()), there=True)

    def revoke(self) -> int:
        """Let nobody in any more, and cut who is in; how many connections that were."""
        self._alter(UserScramCredentialDeletion(USER, MECHANISM), there=False)
        return self.proxy.reset()

    def _alter(self, alteration: Any, *, there: bool) -> None:
        for done in self.admin.alter_user_scram_credentials([alteration]).values():
            done.result()
        eventually(lambda: (USER in self._users()) is there, 10)

    def _users(self) -> Any:
        answer: Any = self.admin.describe_user_scram_credentials()
        return answer.result()


class GuardedService(Service):
    """Its workers know the guarded listener alone."""

    def __init__(self, servers: Servers, *arguments: Any, **settings: Any) -> None:
        super().__init__(servers, *arguments, **settings)
        assert isinstance(servers, GuardedServers)
        kafka = servers.kafka
        assert isinstance(kafka, _GuardedKafka)
        self.environment |= {
            "GNOMON_KAFKA__BOOTSTRAP_SERVERS": f"{HOST}:{kafka.proxied}",
            "GNOMON_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "GNOMON_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
            "GNOMON_KAFKA__SASL_USERNAME": USER,
            "GNOMON_KAFKA__SASL_PASSWORD": PASSWORD,
        }


def credentials_revoked(run: Campaign) -> None:
    """Taken away, and the connections cut; after forty seconds given back."""
    servers = run.service.servers
    assert isinstance(servers, GuardedServers)
    run.until(lambda: run.onlooker.pairs >= BEFORE_PAIRS, f"{BEFORE_PAIRS} pairs")
    cut, began = servers.revoke(), time.monotonic()
    run.until(lambda: time.monotonic() - began > 2, "what was committed already to be read")
    mark, told = run.onlooker.pairs, dict[str, str]()

    def all_told() -> bool:
        for worker in run.workers:
            said = _reason(worker)
            if said and worker.name not in told:
                told[worker.name] = f"{worker.name} after {time.monotonic() - began:.1f} s: {said}"
                run.say(told[worker.name])
        return len(told) == len(run.workers)

    run.until(all_told, "each worker to say on /-/ready that it cannot log in", TOLD_SECONDS)
    run.until(lambda: time.monotonic() - began > REVOKED_SECONDS, "the time without credentials to be over")
    assert run.onlooker.pairs == mark, f"{run.onlooker.pairs - mark} pairs without credentials"
    servers.give()
    given = time.monotonic()
    run.until(lambda: run.onlooker.pairs > mark, "the workers to go on")
    run.faults.append(f"SCRAM credentials deleted and {cut} connections cut; given back after {given - began:.1f} s")
    run.notes += [*told.values(), f"went on {time.monotonic() - given:.1f} s after they were given back"]
    assert not run.traffic.ended, "the traffic was over before the credentials were back"


def _reason(worker: Worker) -> str:
    """What `/-/ready` says of the login, nothing where it does not."""
    status, body = worker.get("/-/ready")
    if status != 503:
        return ""
    reasons = {role: each.get("reason", "") for role, each in json.loads(body)["roles"].items()}
    return next((f"{role}: {reason}" for role, reason in reasons.items() if "uthentication" in reason), "")
