"""Where a key goes: the Java client's partitioner, and the one that does it wrong here.

librdkafka's clients put a key on ``crc32(key) mod partitions`` unless they are told ``partitioner=murmur2_random``. With
four partitions a quarter of the keys land right by chance, so a producer that forgot the setting seems to work.

The hash is aiokafka's (``aiokafka.partitioner.murmur2``, against which it is tested) at half the cost: it is half of what
sending a record takes. The halves of a request have one key, so answers are kept for a while.
"""

import struct
import zlib
from functools import lru_cache

__all__ = ["java_partition", "key_on_partition", "librdkafka_partition"]

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def _murmur2(data: bytes) -> int:
    length = len(data)
    words = length >> 2
    h = 0x9747B28C ^ length
    for k in struct.unpack_from(f"<{words}I", data):
        k = k * _M & _MASK
        h = (h * _M & _MASK) ^ ((k ^ k >> 24) * _M & _MASK)
    if length & 3:
        h = (h ^ int.from_bytes(data[words << 2 :], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@lru_cache(maxsize=16_384)
def java_partition(key: bytes, partitions: int) -> int:
    """The contract's partition of ``key``."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def librdkafka_partition(key: bytes, partitions: int) -> int:
    """The partition of ``key`` by librdkafka's default, ``consistent_random``."""
    return zlib.crc32(key) % partitions


def key_on_partition(stem: str, partition: int, partitions: int) -> str:
    """``stem`` with the first number behind it that puts the key on ``partition``."""
    tries = 0
    while java_partition(f"{stem}{tries}".encode(), partitions) != partition:
        tries += 1
    return f"{stem}{tries}"
