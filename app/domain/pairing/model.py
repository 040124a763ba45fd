"""What the pairing holds of one model, on one partition."""

from app.domain.pairing.expectation import Expectation
from app.domain.pairing.pair_counts import Cell
from app.domain.pairing.request import Request

__all__ = ["Model"]


class Model:
    """``ids`` has its requests, open or remembered, by id; ``cells`` the counts of the minute in which each side is.

    ``cell_ends``: when those minutes end; ``sample_ends``: the offsets up to which each key of theirs is looked at.
    """

    __slots__ = ("cell_ends", "cells", "expectation", "ids", "name", "newest", "sample_ends")

    def __init__(self, name: str, expectation: Expectation) -> None:
        self.name = name
        self.expectation = expectation
        self.ids: dict[str, Request] = {}
        self.cells: list[Cell] = [Cell(), Cell()]
        self.cell_ends = [0, 0]
        self.sample_ends = [0, 0]
        self.newest = 0
