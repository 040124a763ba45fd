"""What can be wrong with a configuration.

``ConfigError`` is the only exception of this package and always the operator's fault. It carries every fault that was
found, not the first one: a configuration is mended in one round.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

__all__ = ["ConfigError", "Fault", "dotted", "shown"]

_BARE = re.compile(r"^[A-Za-z0-9_-]+$")
_URL_PASSWORD = re.compile(r"://([^\s/@:]*):[^\s/@]*@")
_SHOWN_AT_MOST = 80  # characters of a value; a whole pasted file is no help in a message


class Fault(NamedTuple):
    """One thing that is wrong. ``came`` is None where nothing came."""

    name: str
    origin: str
    came: str | None
    allowed: str

    def __str__(self) -> str:
        value = "" if self.came is None else f" = {self.came}"
        origin = f" ({self.origin})" if self.origin else ""
        return f"{self.name}{value}{origin}: {self.allowed}"


class ConfigError(Exception):
    """The configuration cannot be used."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__("\n".join([f"{count} in the configuration:", *(f"  {fault}" for fault in self.faults)]))


def dotted(path: Sequence[str]) -> str:
    """The name of a setting as it is written on the command line.

    >>> dotted(("models", "a.b", "shards"))
    'models."a.b".shards'
    """
    return ".".join(part if _BARE.match(part) else msgspec.json.encode(part).decode() for part in path)


def shown(value: object) -> str:
    """A value as it is shown to people: as JSON, not too long, without a password in a URL."""
    text = msgspec.json.encode(value, enc_hook=str).decode()
    text = _URL_PASSWORD.sub(r"://\1:***@", text)
    return text if len(text) <= _SHOWN_AT_MOST else text[:_SHOWN_AT_MOST] + "…"
