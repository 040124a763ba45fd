"""Alerts that come and go: told a few times, and then up until they were clear for long.

What fires ``flaps`` times within ``flap_s`` *flaps*. It is only resolved when it was clear for ``flap_s``, and each time that it
comes back before counts as one more, though nobody is told: time alone does not end it. Whether it flaps is judged by when it
began to be clear, so one that then held for longer than ``flap_s`` is resolved as any other.

Bounded: ``flaps`` times of each fingerprint; a fingerprint is forgotten ``flap_s`` after the last, unless its alert is up.
Delivery guarantees: pure functions of event times.
"""

from collections.abc import Container, Mapping, Sequence

from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.alerting import Patience

__all__ = ["damped", "is_flapping", "noted", "recent"]


def is_flapping(times: Sequence[int], since: int, policy: AlertPolicy) -> bool:
    """Whether what fired at these ``times`` flaps, by ``since``, when it began to be clear.

    >>> is_flapping([1_000, 2_000, 3_000], 4_000, AlertPolicy(flaps=3)), is_flapping([1_000, 2_000], 4_000, AlertPolicy(flaps=3))
    (True, False)
    """
    return bool(policy.flaps) and sum(then > since - policy.flap_s * 1000 for then in times) >= policy.flaps


def damped(patience: Patience, policy: AlertPolicy) -> Patience:
    """How patient to be with what flaps."""
    return patience._replace(keep_ms=max(patience.keep_ms, policy.flap_s * 1000))


def noted(times: Sequence[int], at: int, policy: AlertPolicy) -> list[int]:
    """These times and one more."""
    return [*times, at][-policy.flaps :]


def recent(fired: Mapping[str, list[int]], at: int, policy: AlertPolicy, up: Container[str]) -> dict[str, list[int]]:
    """Of all fingerprints those that may still come to flap, and those whose alert is ``up``."""
    return {mark: times for mark, times in fired.items() if times[-1] > at - policy.flap_s * 1000 or mark in up}
