"""Where a partition of the read model lies in Redis.

Five keys, under a common hash tag, so that they are written in one transaction:

- ``documents``: hash, field to JSON, the state itself;
- ``position``: hash, what the log has been read up to and who may write (``app.read_model.ledger``);
- ``changes``: sorted set, field by the revision that last changed it, so that a reader fetches what is new and no more;
- ``series``: hash, identity of a history to its document (``app.read_model.history``), which a reader fetches when it is asked;
- ``chunks``: hash, the closed chunks of the histories, read by their fields and never as a whole.
"""

from typing import NamedTuple

__all__ = ["CHANGES", "Keys", "keys_of"]

#: Changed fields that are remembered; who has missed more reads all documents again. About 1 MB at the most.
CHANGES = 5_000


class Keys(NamedTuple):
    """The keys of one partition."""

    documents: str
    position: str
    changes: str
    series: str
    chunks: str


def keys_of(prefix: str, role: str, partition: int) -> Keys:
    """The keys of one partition of ``role``; ``prefix`` is that of the topics.

    >>> keys_of("", "serve", 3).position
    'gnomon:{serve-3}:position'
    """
    base = f"{prefix}gnomon:{{{role}-{partition}}}:"
    return Keys(*(base + name for name in Keys._fields))
