"""`docker-compose.yml` without Docker: its shape, that it says what the embedded servers say, that the service understands it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.config import load
from app.dev.cache import KAFKA_VERSION
from app.dev.kafka_settings import SETTINGS
from tests.compose_file import COMPOSE, ROOT, kafka_properties

SERVICE_KEYS = {
    "image",
    "build",
    "command",
    "ports",
    "environment",
    "volumes",
    "healthcheck",
    "depends_on",
    "restart",
    "stop_grace_period",
}
CONDITIONS = {"service_healthy", "service_completed_successfully"}
# what a container's network needs and one machine does not
OF_THE_NETWORK = {
    "controller.quorum.voters",
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "inter.broker.listener.name",
    "log.dirs",
}


@pytest.fixture
def services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return services


def test_services_have_known_keys_and_either_an_image_or_a_build(services: dict[str, Any]) -> None:
    assert set(services) == {"kafka", "redis", "topics", "gnomon"}
    for name, service in services.items():
        assert set(service) <= SERVICE_KEYS, name
        assert "image" in service, name


def test_every_value_is_a_string_so_yaml_reads_none_of_them_otherwise(services: dict[str, Any]) -> None:
    for service in services.values():
        environment = service.get("environment", {})
        assert all(isinstance(value, str) for value in environment.values()), environment


def test_ports_are_published_on_the_loopback_address_alone(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:9092:9092", "127.0.0.1:6379:6379", "127.0.0.1:8080:8080"]


def test_what_is_waited_for_exists_and_can_be_waited_for(services: dict[str, Any]) -> None:
    for service in services.values():
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in CONDITIONS
            assert how["condition"] != "service_healthy" or "healthcheck" in services[other]


def test_named_volumes_are_declared(services: dict[str, Any]) -> None:
    declared = set(yaml.safe_load(COMPOSE.read_text())["volumes"])
    used = {volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert used == declared


def test_kafka_has_the_settings_of_the_embedded_one_but_for_the_network() -> None:
    properties = kafka_properties()
    assert {key: value for key, value in properties.items() if key not in OF_THE_NETWORK} == dict(SETTINGS)
    assert set(properties) - set(SETTINGS) == OF_THE_NETWORK


def test_kafka_is_the_embedded_ones_version(services: dict[str, Any]) -> None:
    assert services["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_the_service_understands_its_environment_and_finds_the_others_by_name(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("topics", "gnomon"):
        for key, value in services[name]["environment"].items():
            monkeypatch.setenv(key, value)
        config = load().config
        host, _, port = config.kafka.bootstrap_servers.partition(":")
        assert host in services
        assert f"PLAINTEXT://:{port}" in services[host]["environment"]["KAFKA_LISTENERS"].split(",")
        assert config.redis.url == "redis://redis:6379/0"
        assert (config.web.host, config.web.port) == ("0.0.0.0", 8080)


def test_what_the_image_is_built_from_exists(services: dict[str, Any]) -> None:
    build = services["gnomon"]["build"]
    dockerfile = (ROOT / build["context"] / build["dockerfile"]).read_text()
    copies = [line.split()[1] for line in dockerfile.splitlines() if line.startswith("COPY ") and "--from" not in line]
    assert copies == ["app/requirements.lock", "app", "agents", "schemas", "load", "docs/runbooks"]
    assert [source for source in copies if not (ROOT / source).exists()] == []
