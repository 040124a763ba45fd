"""The locks: complete, of one mind, with hashes, and free of addresses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
ALL, SERVICE = ROOT / "requirements.lock", ROOT / "app" / "requirements.lock"
PINNED = re.compile(r"[a-z0-9-]+==\S+( ; .+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def blocks(lock: Path) -> dict[str, list[str]]:
    """`name==version ; marker` -> its hashes."""
    found: dict[str, list[str]] = {}
    pin = ""
    for line in lock.read_text().splitlines():
        if line.startswith("#"):
            continue
        if PINNED.fullmatch(line):
            pin = line.removesuffix(" \\")
            found[pin] = []
        else:
            assert HASH.fullmatch(line), f"{lock.name}: {line!r} is neither a pinned version nor a hash"
            found[pin].append(line.strip().removesuffix(" \\"))
    return found


def asked(*groups: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = project["project"]["dependencies"] + [line for group in groups for line in project["dependency-groups"][group]]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(("lock", "groups"), [(ALL, ("embedded", "dev")), (SERVICE, ())], ids=["all", "service"])
def test_the_lock_has_what_the_project_asks_for(lock: Path, groups: tuple[str, ...]) -> None:
    pins = [Requirement(pin) for pin in blocks(lock)]
    for python in ("3.11", "3.12", "3.13", "3.14"):
        environment = {**default_environment(), "python_version": python, "python_full_version": f"{python}.1"}
        versions = {
            canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
            for pin in pins
            if pin.marker is None or pin.marker.evaluate(environment)
        }
        refused = [
            str(need) for need in asked(*groups) if not need.specifier.contains(versions.get(canonicalize_name(need.name), "0"))
        ]
        assert refused == [], f"on Python {python}; run `make lock`"


@pytest.mark.parametrize("lock", [ALL, SERVICE], ids=["all", "service"])
def test_every_version_has_hashes_and_none_an_address(lock: Path) -> None:
    assert all(blocks(lock).values())
    assert "://" not in lock.read_text()
    assert "index-url" not in lock.read_text()


def test_the_services_lock_is_a_part_of_the_whole() -> None:
    whole = blocks(ALL)
    assert {pin: whole.get(pin) for pin in blocks(SERVICE)} == blocks(SERVICE)
    assert len(blocks(SERVICE)) < len(whole)
