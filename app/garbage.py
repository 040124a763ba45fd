"""What a shard leaves behind when it is gone: cycles, which only a full collection finds, and pages, which the C library keeps.

A worker's thresholds put full collections off for good (``app.worker``), and glibc by itself gives memory back only from the end
of its heap, which is seldom free: resident memory would stay at the highest that any rebalance ever needed.
"""

import ctypes
import gc

__all__ = ["clear_away"]

#: glibc has it, musl and macOS do not; there the pages stay.
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


def clear_away() -> None:
    """Collect everything, and give the system what is free."""
    gc.collect()
    if _trim is not None:
        _trim(0)
