"""What a person wants to see of the log itself, read when asked for and never kept: the pairs on which two versions differ most.

- ``sample``   what is kept of the pairs that are read, and the counts over all of them. Pure
- ``reading``  the newest stretch of a model's partitions, within bounds of records, bytes and time, one read at a time

Reading has no group and commits nothing: the service cannot notice it but by the broker's work.
"""

from app.samples.reading import PairSamples, Read, SampleError, TooManyReadsError
from app.samples.sample import PAIRS_KEPT, KeptPair, PairSample

__all__ = ["PAIRS_KEPT", "KeptPair", "PairSample", "PairSamples", "Read", "SampleError", "TooManyReadsError"]
