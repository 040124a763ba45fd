"""One request while its halves are awaited, and afterwards for as long as copies of them may come.

The halves of a request lie in two logs that are read at different speeds, and the outcome must not depend on that. So they
are ordered by **moment** (``app.domain.pairing.log_time``; the legacy log first where moments are equal), and in this order:

- the first half opens the request; its limit is its own timestamp plus window and grace;
- each further half belongs to it if its moment does not exceed the limit, and then lowers the limit if it is older;
  otherwise its own log had passed the limit when it came, and it is *late*.

``attach`` keeps to this however the halves arrive: a half that is first in this order but is read last can turn one that was
held already into a late one, just as if it had been read first.
"""

from typing import Any, NamedTuple

from msgspec import Struct

from app.domain.pairing.pairing_state import PolicyEntry
from schemas.half import Half
from schemas.pair import EMPTY_OBJECT, PairStatus

__all__ = ["LEGACY", "SHADOW", "Copy", "Request", "attach", "digest", "find_copy", "status_of"]

LEGACY = 0
SHADOW = 1


class Request(Struct, gc=False):
    """``limit``: what a log's time must exceed for its missing half to be given up. ``expiry`` is 0 until it is written."""

    model: Any  # the Model that it is of
    request_id: str
    limit: int
    opening: int
    first: int  # the lowest moment of its halves
    expected: tuple[str, ...]
    policy: PolicyEntry  # the settings as they were when it opened
    legacy: Half | None = None
    legacy_moment: int = -1  # of the newest half of each side, -1 without one
    shadows: tuple[Half, ...] = ()
    shadow_moment: int = -1
    expiry: int = 0
    silent_sides: int = 0  # bits of the sides that were given up over a silence
    far_sides: int = 0  # bits of the sides whose newest half was read while the other log was far behind
    previous: "Request | None" = None
    legacy_digest: int = 0  # of halves that were written or are late, to know copies by
    shadow_digests: tuple[str | int, ...] = ()  # a version and its digest, and the next: one flat tuple, there are so many

    def lacks(self, side: int) -> bool:
        """Whether a half of this side is still waited for."""
        if side == LEGACY:
            return self.legacy is None
        shadows, expected = self.shadows, self.expected
        if not shadows:
            return bool(expected)
        if len(shadows) == 1 and len(expected) == 1:
            return shadows[0].version != expected[0]
        return any(all(half.version != version for half in shadows) for version in self.expected)

    def given_up(self, side: int, top: int) -> bool:
        """Whether this side's log, with its time at ``top``, can no longer bring a half that belongs here."""
        return top > self.deadline(side) or bool(self.silent_sides >> side & 1)

    def deadline(self, side: int) -> int:
        """What this side's time has to exceed for ``given_up``.

        Until it is as far as the half that is held, one that comes before that in the order of moments may still be read. But
        one timestamp far ahead moves its log's time for good, and its requests must not wait for the other log to be as far:
        a half that was read while that was far behind is waited with for as long as a horizon.
        """
        held = self.legacy_moment if side else self.shadow_moment
        if self.far_sides >> (1 - side) & 1:
            held = min(held, self.limit + self.policy.wait_ms + self.policy.deduplication_ms)
        return max(self.limit, held)

    def given_up_at(self) -> int:
        """The moment of its closing, if nothing more comes.

        Without a legacy half, further versions that nobody expects do not count: whether they are read before the record is
        written depends on how far the legacy log had been read by then, and the horizon must not.
        """
        if self.legacy is None and len(self.shadows) > 1:
            waited = [half for half in self.shadows[1:] if half.version in self.expected]
            counted = (self.shadows[0], *waited)
            limit = min(half.timestamp for half in counted) + self.policy.wait_ms
            return max(limit, *(half.moment for half in counted))
        return max(self.limit, self.legacy_moment, self.shadow_moment)

    def horizon(self) -> int:
        """The moment up to which an event of this id belongs to this request, as a copy or late if not as a half."""
        return self.expiry or self.given_up_at() + self.policy.deduplication_ms

    def complete_at(self) -> int:
        """The moment at which all that is expected was there; a version that nobody expects does not count."""
        moments = [half.moment for half in self.shadows if half.version in self.expected]
        if self.legacy is not None:
            moments.append(self.legacy.moment)
        return max(moments)

    def remember(self, side: int, half: Half) -> None:
        """Keep of a half what it takes to know a copy of it again."""
        if side == LEGACY:
            self.legacy_digest = digest(half)
        else:
            self.shadow_digests = (*self.shadow_digests, half.version, digest(half))

    def seal(self, closing: int) -> None:
        """The record was written: keep of the halves only their digests, until the horizon is over."""
        self.expiry = closing + self.policy.deduplication_ms
        legacy, shadows = self.legacy, self.shadows
        if legacy is not None:
            self.legacy_digest = digest(legacy)
            self.legacy = None
        for half in shadows:
            self.shadow_digests += (half.version, digest(half))
        self.shadows = ()


def status_of(request: Request) -> PairStatus:
    """How a request comes out, with what it holds now."""
    if request.legacy is None:
        return "shadow_only"
    present = {half.version for half in request.shadows}
    found = [version in present for version in request.expected]
    if all(found):
        return "paired" if present else "solo"
    return "partial" if any(found) else "legacy_only"


def digest(half: Half) -> int:
    """A number that differs where a carried field differs, never 0. Of this process: it is not written anywhere."""
    prediction, text = half.prediction, bytes(half.features)
    if half.segments is not EMPTY_OBJECT or half.metadata is not EMPTY_OBJECT:
        text = b"%b\0%b\0%b" % (text, half.segments, half.metadata)
    carried = tuple(prediction.items()) if type(prediction) is dict else prediction
    return hash((half.version, half.timestamp, carried, half.latency_ms, half.cost, text)) or 1


class Copy(NamedTuple):
    """A half that came again."""

    conflicting: bool


def find_copy(request: Request, side: int, half: Half) -> Copy | None:
    """The half of this request that ``half`` is a copy of, be it held, written or late."""
    if side == LEGACY:
        known = request.legacy_digest if request.legacy is None else digest(request.legacy)
    else:
        known = _shadow_digest(request.shadow_digests, half.version)
        known = next((digest(held) for held in request.shadows if held.version == half.version), known)
    return Copy(known != digest(half)) if known else None


def _shadow_digest(digests: tuple[Any, ...], version: str) -> int:
    """The first of this version, 0 without one."""
    return next((value for known, value in zip(digests[::2], digests[1::2], strict=True) if known == version), 0)


def attach(request: Request, side: int, half: Half) -> list[tuple[int, Half]]:
    """Take ``half`` into the open ``request``; the halves that are late by that, with their sides, itself perhaps among them."""
    other = request.legacy_moment if side else request.shadow_moment
    if half.moment > other or (half.moment == other and side == SHADOW):
        if half.moment > request.limit:
            return [(side, half)]
        _hold(request, side, half)
        return []
    if half.moment > request.deadline(side):  # what is held was given up when the log came to this half, written yet or not
        return [(side, half)]
    return _attach_in_order(request, side, half)


def _hold(request: Request, side: int, half: Half) -> None:
    timestamp = half.timestamp
    if timestamp < request.opening:
        request.opening = timestamp
    if timestamp + request.policy.wait_ms < request.limit:
        request.limit = timestamp + request.policy.wait_ms
    request.first = min(request.first, half.moment)
    if side == LEGACY:
        request.legacy = half
        request.legacy_moment = half.moment
    else:
        request.shadows = (*request.shadows, half)
        request.shadow_moment = max(request.shadow_moment, half.moment)


def _attach_in_order(request: Request, side: int, half: Half) -> list[tuple[int, Half]]:
    """``half`` comes before some that are held: take all out, and in again in order."""
    rows = [(LEGACY, request.legacy)] if request.legacy is not None else []
    rows += [(SHADOW, held) for held in request.shadows]
    rows.append((side, half))
    rows.sort(key=lambda row: (row[1].moment, row[0]))
    first = rows[0][1]
    request.legacy, request.shadows = None, ()
    request.legacy_moment = request.shadow_moment = -1
    request.opening = first.timestamp
    request.limit = request.opening + request.policy.wait_ms
    request.first = first.moment
    late = []
    for row_side, row in rows:
        if row.moment > request.limit and row is not first:
            late.append((row_side, row))
        else:
            _hold(request, row_side, row)
    return late
