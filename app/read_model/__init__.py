"""The read model: what pages and REST calls show, kept in Redis, rebuilt from Kafka whenever it is lost.

``state`` decides what is kept, ``ledger`` writes it with the position it stands for, ``mirror`` reads it, ``views`` is what
comes out. Nothing else of the service depends on Redis.
"""

from app.read_model.client import connect
from app.read_model.ledger import ReadModelLost, RedisLedger
from app.read_model.mirror import ReadModel

__all__ = ["ReadModel", "ReadModelLost", "RedisLedger", "connect"]
