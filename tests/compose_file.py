"""Reads `docker-compose.yml` as Docker and the Kafka image would."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
COMPOSE = ROOT / "docker-compose.yml"


def kafka_environment() -> dict[str, str]:
    environment: dict[str, str] = yaml.safe_load(COMPOSE.read_text())["services"]["kafka"]["environment"]
    return environment


def kafka_properties() -> dict[str, str]:
    """The image's rule: KAFKA_ off, lower case, `_` is `.`, `__` is `_`, `___` is `-`."""
    properties = {}
    for name, value in kafka_environment().items():
        if name.startswith("KAFKA_"):
            words = name.removeprefix("KAFKA_").lower()
            properties[words.replace("___", "-").replace("__", "\0").replace("_", ".").replace("\0", "_")] = value
    return properties
