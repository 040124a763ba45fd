"""Where the record of a request goes, and by which rules of its model it is made."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from app.domain.placement import partition_of, place

__all__ = ["ModelRules", "PairPlaces", "Place", "place_of_pair"]


class ModelRules(NamedTuple):
    """What the configuration says of one model, as far as pairing goes. ``shards``: partitions that share a hot model."""

    shadows: tuple[str, ...] | Literal["auto"]
    tolerance: float
    shards: int


class Place(NamedTuple):
    """Of one model: its records' key and partition, and its rules."""

    key: bytes
    partition: int
    rules: ModelRules


class PairPlaces:
    """Looked up once a model; as many are remembered as there are models, which the worker's models bound."""

    def __init__(self, partitions: int, rules: Callable[[str], ModelRules]) -> None:
        self._partitions, self._rules = partitions, rules
        self._of_models: dict[str, Place] = {}

    def of(self, model: str) -> Place:
        """The place of a model that is not sharded, and how many shards it has if it is."""
        found = self._of_models.get(model)
        if found is None:
            found = self._of_models[model] = Place(model.encode(), place(model, self._partitions), self._rules(model))
        return found

    def of_shard(self, model: str, request_id: str, shards: int) -> int:
        """The partition of a sharded model's request."""
        return place_of_pair(model, request_id, shards, self._partitions)


def place_of_pair(model: str, request_id: str, shards: int, partitions: int) -> int:
    """The partition on which the record of a request lies, of a model that has so many shards.

    >>> place_of_pair("credit", "r-1", 1, 4), place_of_pair("credit", "r-1", 2, 4), place_of_pair("credit", "r-3", 2, 4)
    (2, 2, 0)
    """
    return place(model if shards == 1 else f"{model}#{partition_of(request_id.encode(), shards)}", partitions)
