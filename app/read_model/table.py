"""A bounded table of documents that remembers what was changed.

The oldest written goes when the table is full, and is counted: nothing in the read model grows with the traffic. Since the
order of writing is part of each document, a table that was read back from Redis lets go the same ones.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from app.read_model.documents import Document

__all__ = ["Changes", "Table"]

D = TypeVar("D", bound=Document)

#: Field to document, or to None where it was let go; the newest change of each field.
Changes = dict[str, Document | None]


class Table(Generic[D]):
    """Documents of one kind by identity, in the order in which they were last written."""

    def __init__(self, kind: str, capacity: int, changes: Changes) -> None:
        self.kind = kind
        self.capacity = capacity
        self.dropped = 0
        self._changes = changes
        self._documents: dict[str, D] = {}

    def __iter__(self) -> Iterator[D]:
        return iter(self._documents.values())

    def __len__(self) -> int:
        return len(self._documents)

    def get(self, identity: str) -> D | None:
        """The document of ``identity`` as it stands."""
        return self._documents.get(identity)

    def put(self, identity: str, document: D) -> None:
        """Write a document as the newest one, and let go the oldest if there are too many."""
        self._documents.pop(identity, None)
        self._documents[identity] = document
        self._changes[f"{self.kind} {identity}"] = document
        if len(self._documents) > self.capacity:
            self.remove(next(iter(self._documents)))
            self.dropped += 1

    def remove(self, identity: str) -> None:
        """Let a document go."""
        if self._documents.pop(identity, None) is not None:
            self._changes[f"{self.kind} {identity}"] = None

    def load(self, documents: Iterable[tuple[str, D]]) -> None:
        """Take what was read back, oldest first; nothing counts as changed."""
        self._documents = dict(sorted(documents, key=lambda item: item[1].order))
