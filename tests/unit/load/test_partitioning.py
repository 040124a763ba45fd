import random

import pytest
from aiokafka.partitioner import murmur2

from load.partitioning import java_partition, key_on_partition, librdkafka_partition


def test_the_hash_is_aiokafkas():
    draw = random.Random(1)
    for length in range(64):
        for _ in range(20):
            key = draw.randbytes(length)
            assert java_partition(key, 1_009) == (murmur2(key) & 0x7FFFFFFF) % 1_009


@pytest.mark.parametrize("partition", range(4))
def test_a_key_can_be_made_for_each_partition(partition):
    assert java_partition(key_on_partition("prime-", partition, 4).encode(), 4) == partition


def test_librdkafkas_default_agrees_by_chance_only():
    keys = [b"r-%06d" % k for k in range(4_000)]
    agree = sum(java_partition(key, 4) == librdkafka_partition(key, 4) for key in keys)
    assert 850 < agree < 1_150
