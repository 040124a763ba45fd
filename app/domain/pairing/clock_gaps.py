"""Which requests are compared for how far the clocks of their halves are apart (``clocks.Gap``), and in which minute they count.

One in ``COMPARED_MASK + 1`` offsets of the legacy log, so which ones is known from the log, in the minute of the closing; and of
shadows those that are expected, since whether another came in time depends on how far the logs were read. A half that is late is
compared with the one half that its record has, whose timestamp is the opening: clocks that are further apart than a request waits
are seen only there. Only where one shadow is expected: of several, what a record has by then depends on the reading as well.

Delivery guarantees: sums, so neither the order in which requests are closed nor a cut of the logs matters. Held by
``tests/property/test_pairing_simulation.py::test_outcome_is_what_the_logs_say``.
"""

from app.domain.pairing.pair_counts import Cell
from app.domain.pairing.request import LEGACY, SHADOW, Request
from schemas.half import Half

__all__ = ["COMPARED_MASK", "compare_halves", "compare_late"]

COMPARED_MASK = 7


def compare_halves(cell: Cell, request: Request) -> None:
    """Count a request that is about to be written, if it is one of those that are compared."""
    legacy = request.legacy
    if legacy is not None and not legacy.source.offset & COMPARED_MASK:
        for half in request.shadows:
            if half.version not in request.expected:
                continue
            cell.note_gap(half.version, half.timestamp - legacy.timestamp, request.policy.wait_ms)


def compare_late(cell: Cell, request: Request, side: int, half: Half) -> None:
    """Count a half that is late, if it is one of those that are compared."""
    if half.source.offset & COMPARED_MASK or len(request.expected) != 1:
        return
    [expected] = request.expected
    has_legacy = request.legacy is not None or request.legacy_digest != 0
    versions = tuple(shadow.version for shadow in request.shadows) or request.shadow_digests[::2]
    gap_ms = half.timestamp - request.opening
    if side == SHADOW and has_legacy and not versions and half.version == expected:
        cell.note_gap(expected, gap_ms, request.policy.wait_ms)
    if side == LEGACY and not has_legacy and versions == (expected,):
        cell.note_gap(expected, -gap_ms, request.policy.wait_ms)
