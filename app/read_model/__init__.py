"""The read model: what pages and REST calls show, kept in Redis, rebuilt from Kafka whenever it is lost.

``state`` decides what is kept, ``history`` what is kept over time, ``ledger`` writes both with the position they stand for,
``mirror`` and ``series`` read them, ``views`` and ``series_views`` are what comes out. Nothing else of the service depends on
Redis.
"""

from app.read_model.client import connect
from app.read_model.ledger import ReadModelLost, RedisLedger
from app.read_model.mirror import ReadModel
from app.read_model.series import SeriesReader

__all__ = ["ReadModel", "ReadModelLost", "RedisLedger", "SeriesReader", "connect"]
