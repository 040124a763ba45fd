"""When the owner of a model wants to hear of it: the table ``[models.NAME.alerts]``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from msgspec import Meta

from app.domain.decisions.alert_kinds import ALERT_NAMES
from app.domain.ranges import Range, outside

__all__ = ["AlertPolicy"]

#: Alerts that are found sooner than the alerts that explain them.
EFFECTS = frozenset({"MatchRateLow", "MissingShare"})
_OFF = "off"
_SEVERITIES = ("critical", "warning", "info", _OFF)
_DAY_S = 86_400


@dataclass(frozen=True)
class AlertPolicy:
    """The table ``[models.NAME.alerts]``.

    >>> AlertPolicy(for_s=-1)
    Traceback (most recent call last):
    ValueError: alerts.for_s is -1: allowed is 0 to 86,400 seconds
    """

    RANGES: ClassVar[Mapping[str, Range]] = {
        "for_s": Range(0, _DAY_S, "seconds"),
        "keep_firing_for_s": Range(0, _DAY_S, "seconds"),
        "resolve_events": Range(0, 1_000_000_000, "events"),
        "forget_after_s": Range(60, 90 * _DAY_S, "seconds"),
        "group_s": Range(0, 7 * _DAY_S, "seconds"),
        "cause_s": Range(0, _DAY_S, "seconds"),
        "pages_per_week": Range(0, 10_000, "alerts"),
        "flaps": Range(0, 10, "times"),
        "flap_s": Range(0, 7 * _DAY_S, "seconds"),
    }

    #: So long a detector must hold its opinion before the alert fires. A detector has a budget of false alarms of its own,
    #: so by default it is believed at once.
    for_s: int = 0
    #: So long an alert must have been clear before it is resolved ...
    keep_firing_for_s: int = 600
    #: ... and over so many events of a detector's windows. The scan stays at ``drift`` until at least 1,000 values were calm,
    #: so it needs no more; a detector that forgets at once does.
    resolve_events: int = 0
    #: A signal that no statistics speak of for so long, while the model goes on, is resolved as forgotten (a version that
    #: was taken away).
    forget_after_s: int = 6 * 3_600
    #: Signals that begin to drift so soon after the alert of another of their kind are one alert with it; 0: each is its own.
    group_s: int = 3_600
    #: Whether an alert is held back while another explains it: a missing feature that of a drifted prediction.
    inhibit: bool = True
    #: So long `MatchRateLow` and `MissingShare` must hold before they are told, if `inhibit`: what explains them, a silent side
    #: or a changed schema, is told by the minute or by the window, and they are found at once.
    cause_s: int = 180
    #: Critical alerts of a model in any seven days; what is beyond them is held back, counted, and seen on the page.
    pages_per_week: int = 20
    #: An alert that fired so many times within ``flap_s`` is only resolved when it was clear for as long; 0: none is.
    flaps: int = 3
    flap_s: int = 6 * 3_600
    #: Alert name to ``critical``, ``warning``, ``info`` or ``off``; what is not named has the severity of its kind.
    severities: Annotated[
        Mapping[str, str], Meta(extra={"allowed": f"a table of alert name and one of {', '.join(_SEVERITIES)}"})
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot work, all faults at once."""
        if faults := self._faults():
            raise ValueError("; ".join(faults))

    def for_ms(self, name: str) -> int:
        """So long the condition of an alert must hold before it fires; of an effect, as long as its cause may be late."""
        waits = name in EFFECTS and self.inhibit
        return max(self.for_s, self.cause_s if waits else 0) * 1000

    def severity(self, name: str, usual: str) -> str | None:
        """The severity of an alert; None where it is switched off."""
        severity = self.severities.get(name, usual)
        return None if severity == _OFF else severity

    def _faults(self) -> list[str]:
        faults = list(outside("alerts", self, self.RANGES))
        faults += [
            f"alerts.severities has {name!r}: allowed are {', '.join(ALERT_NAMES)}"
            for name in self.severities
            if name not in ALERT_NAMES
        ]
        faults += [
            f"alerts.severities.{name} is {severity!r}: allowed are {', '.join(_SEVERITIES)}"
            for name, severity in self.severities.items()
            if severity not in _SEVERITIES
        ]
        return faults
