"""What the pairing holds of one model, on one partition."""

from app.domain.pairing.expectation import Expectation
from app.domain.pairing.pair_counts import Cell
from app.domain.pairing.request import Request

__all__ = ["Model"]


class Model:
    """``ids`` has its requests, open or remembered, by id; ``cells`` the counts of the minute in which each side is."""

    __slots__ = ("cell_ends", "cells", "expectation", "ids", "name", "newest")

    def __init__(self, name: str, expectation: Expectation) -> None:
        self.name = name
        self.expectation = expectation
        self.ids: dict[str, Request] = {}
        self.cells: list[Cell] = [Cell(), Cell()]
        self.cell_ends = [0, 0]
        self.newest = 0
