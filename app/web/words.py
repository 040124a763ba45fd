"""Numbers, times and states as people read them. All times are UTC, said once on the page."""

import re
from datetime import UTC, datetime

from markupsafe import Markup, escape

__all__ = [
    "MARKS", "STATES", "amount", "breakable", "clock", "decimal", "iso", "lasting", "milliseconds", "percent", "plain", "rfc3339",
    "segment", "short",
]  # fmt: skip

NONE = "none"
#: State to sign and word: the sign has a shape of its own, since colour is never alone.
STATES = {
    "drift": ("▲", "Drift"),
    "warning": ("◆", "Warning"),
    "warming": ("◌", "Warming up"),
    "quiet": ("●", "Quiet"),
}
#: Kind of a mark to sign and word, as for states: a letter where no shape says it.
MARKS = {
    "alert": ("▲", "Alert"),
    "resolved": ("✓", "Resolved"),
    "trigger": ("R", "Retraining asked for"),
    "training_started": ("T", "Training started"),
    "training_succeeded": ("S", "Training succeeded"),
    "training_failed": ("F", "Training failed"),
    "deployment": ("D", "Version first seen"),
    "baseline": ("B", "Reference"),
}
_SEPARATOR = re.compile(r"([/_.-])(?=.)")
#: Years 1 to 9999, in milliseconds: what is outside is shown as the number it is.
_EARLIEST_MS, _LATEST_MS = -62_135_596_800_000, 253_402_300_799_999


def amount(count: int) -> str:
    """A count with its thousands set apart.

    >>> amount(1234567)
    '1,234,567'
    """
    return f"{count:,}"


def decimal(value: float) -> str:
    """Three digits that say something.

    >>> [decimal(v) for v in (0.123456, 12.3456, 1234.5, 0.0, 1e-9, 1e12)]
    ['0.123', '12.3', '1,234', '0', '1e-09', '1e+12']
    """
    if value == 0:
        return "0"
    if abs(value) < 0.001 or abs(value) >= 1e7:
        return f"{value:.3g}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"


def percent(share: float | None) -> str:
    """A share of 1; never 100 % while something is missing.

    >>> percent(0.9999999), percent(1.0), percent(None)
    ('99.99 %', '100 %', 'none')
    """
    if share is None:
        return NONE
    if share in {0.0, 1.0}:
        return f"{share:.0%}".replace("%", " %")
    return f"{min(max(share * 100, 0.01), 99.99):.2f} %"


def clock(time_ms: int | None) -> str:
    """A time in milliseconds since the epoch, to the second.

    >>> clock(1_790_000_000_123), clock(None)
    ('2026-09-21 14:13:20', 'none')
    """
    if time_ms is None:
        return NONE
    if not _EARLIEST_MS <= time_ms <= _LATEST_MS:
        return str(time_ms)
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"


def iso(time_ms: int | None) -> str:
    """The same for machines."""
    return clock(time_ms).replace(" ", "T") + "Z" if time_ms is not None else ""


def rfc3339(text: str | None) -> str:
    """An RFC 3339 time the way ``clock`` gives one; what is not one, as it is.

    >>> rfc3339("2026-09-21T14:13:20.123Z"), rfc3339("soon"), rfc3339(None)
    ('2026-09-21 14:13:20', 'soon', 'none')
    """
    if not text:
        return NONE
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return text


def segment(parts: dict[str, str] | None) -> str:
    """A segment as ``channel=web``; empty for all of the traffic."""
    return ", ".join(f"{name}={value}" for name, value in sorted((parts or {}).items()))


def breakable(name: str) -> Markup:
    """A long name that may be broken after its separators, and is broken nowhere else before.

    >>> breakable("feature/dep_delay")
    Markup('feature/<wbr>dep_<wbr>delay')
    """
    return Markup(_SEPARATOR.sub(r"\1<wbr>", str(escape(name))))  # noqa: S704  escaped first; the separators are none of HTML's


def short(digest: str) -> str:
    """The first twelve characters of a digest.

    >>> short("sha256:0123456789abcdef")
    '0123456789ab…'
    """
    text = digest.removeprefix("sha256:")
    return text if len(text) <= 12 else text[:12] + "…"


def plain(word: str) -> str:
    """A word of the messages as people write it.

    >>> plain("legacy_only")
    'legacy only'
    """
    return word.replace("_", " ")


def lasting(milliseconds: int) -> str:
    """How long something lasts, in its two largest units.

    >>> [lasting(ms) for ms in (0, 59_000, 3_660_000, 90_000_000)]
    ['0 s', '59 s', '1 h 1 min', '1 d 1 h']
    """
    seconds = abs(milliseconds) // 1000
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count:,} {unit}")
    return " ".join(parts[:2])


def milliseconds(text: str) -> int | None:
    """An RFC 3339 time as milliseconds since the epoch; None for what is not one.

    >>> milliseconds("2026-09-21T14:13:20.123Z"), milliseconds("soon")
    (1790000000123, None)
    """
    try:
        return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
