"""Where a key goes: the Java client's partitioner, and the one that does it wrong here.

librdkafka's clients put a key on ``crc32(key) mod partitions`` unless they are told ``partitioner=murmur2_random``. With
four partitions a quarter of the keys land right by chance, so a producer that forgot the setting seems to work.
"""

import zlib

from aiokafka.partitioner import murmur2

__all__ = ["java_partition", "key_on_partition", "librdkafka_partition"]


def java_partition(key: bytes, partitions: int) -> int:
    """The contract's partition of ``key``."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def librdkafka_partition(key: bytes, partitions: int) -> int:
    """The partition of ``key`` by librdkafka's default, ``consistent_random``."""
    return zlib.crc32(key) % partitions


def key_on_partition(stem: str, partition: int, partitions: int) -> str:
    """``stem`` with the first number behind it that puts the key on ``partition``."""
    tries = 0
    while java_partition(f"{stem}{tries}".encode(), partitions) != partition:
        tries += 1
    return f"{stem}{tries}"
