"""What is read of a Kafka record, whoever hands it over."""

from collections.abc import Sequence
from typing import Protocol

__all__ = ["SourceRecord"]


class SourceRecord(Protocol):
    """One record. ``timestamp`` in milliseconds since the epoch, below zero where there is none."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...
