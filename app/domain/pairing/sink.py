"""Where the decisions of the pairing go."""

from typing import Protocol

from app.domain.pairing.pair_counts import Cell
from app.domain.pairing.request import Request
from schemas.dead_letter import Reason
from schemas.pair import PairStatus
from schemas.record import SourceRecord

__all__ = ["Sink"]


class Sink(Protocol):
    """Where decisions go; in a rebuild they go nowhere."""

    def write(self, request: Request, status: PairStatus) -> None:
        """One record, with the halves that the request holds."""

    def refuse(self, side: int, record: SourceRecord, reason: Reason, detail: str) -> None:
        """One dead letter."""

    def count(self, minute: int, cells: dict[str, Cell]) -> None:
        """The figures of a minute, by model."""
