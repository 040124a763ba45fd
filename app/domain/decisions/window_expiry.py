"""Until when the broker keeps the data that a trigger asks to train on.

The window begins to be deleted ``retention_ms`` after its first pair was written. When that was is not known here; pairs are
written a window after they were asked, so their event time is taken: on a log that is read late, what is said here is too early
and never too late. Brokers delete whole segments, hence somewhat later still. ``retention_ms`` is that of our own settings
(``topics.output_retention_ms``); -1 keeps them for ever, and then nothing is said.
"""

from typing import Any

from app.domain.decisions.retrain_policy import RetrainPolicy
from schemas.cloudevents import rfc3339

__all__ = ["FOR_EVER", "expires_at", "said_of_expiry", "warn_ms"]

FOR_EVER = -1
#: The end of the year 9999: what is kept for longer stays.
_LATEST_MS = 253_402_300_799_999
#: Said so long before, and until so long after: a day, or a fifth of a shorter retention.
_WARN_MS, _SHARE = 86_400_000, 5


def expires_at(since: int, retention_ms: int) -> int:
    """The event time from which on the beginning of a window may be gone; 0: it stays."""
    expires = since + retention_ms
    return 0 if retention_ms == FOR_EVER or expires > _LATEST_MS else expires


def warn_ms(retention_ms: int) -> int:
    """How long before that people are told, and how long after it the alert ends.

    >>> warn_ms(30 * 86_400_000), warn_ms(3_600_000)
    (86400000, 720000)
    """
    return min(_WARN_MS, retention_ms // _SHARE)


def said_of_expiry(expires: int, decided: int, policy: RetrainPolicy, *, waits: bool) -> dict[str, Any]:
    """What a trigger's evidence says of it: when, and whether that is before all that may be waited for is over.

    That is the approval, if the trigger ``waits`` for one, the answer, and one lease.
    """
    if not expires:
        return {}
    needed_s = (policy.approval_expires_s if waits else 0) + policy.acknowledge_s + policy.lease_s
    return {"window_expires": rfc3339(expires), "window_expires_early": expires < decided + needed_s * 1000}
