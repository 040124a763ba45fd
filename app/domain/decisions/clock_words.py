"""What an alert on a producer's clock says to people: which one, how far it is off, what mends it."""

from app.domain.decisions.amounts import duration
from app.domain.decisions.clock_skew import Extent
from app.domain.decisions.traffic_words import Words, fitted

__all__ = ["of_ahead", "of_gap"]

_MEND = "Have the hosts' clocks set by NTP (see `chronyc tracking`)"


def of_ahead(topic: str, found: Extent) -> Words:
    """The words for an input topic with events from the future; ``topic`` is its full name."""
    share, usual, most = found.bad / found.seen if found.seen else 0.0, duration(found.usual_ms), duration(found.most_ms)
    sentences = [
        f"{found.bad:,} of {found.seen:,} sampled events are ahead of their own Kafka record: usually {usual}, at most {most}.",
        "Nothing is asked after it was written: the clock of a producer's host is ahead, or local time is sent as UTC.",
        "Halves whose times are further apart than a request waits never meet, and one time ahead moves all that follows it.",
        f"{_MEND}; send milliseconds since the epoch, or a time with its offset.",
    ]
    return fitted(f"A producer of {topic} is ahead of time, usually by {usual}: {share:.1%} of its events", sentences)


def of_gap(model: str, version: str, found: Extent) -> Words:
    """The words for a shadow version whose times are not those of the live model for the same requests."""
    usual, way = duration(abs(found.usual_ms)), "ahead of" if found.usual_ms > 0 else "behind"
    sentences = [
        f"The halves of {found.bad:,} of {found.seen:,} compared requests are further apart than half of what a request waits:",
        f"on average {usual}, at most {duration(found.most_ms)}.",
        "Both say when the same request was asked, so one of two clocks is wrong, or one side writes when it answered.",
        "Halves that are further apart than pairing.window_ms and grace_ms never meet.",
        f"{_MEND}, and give both halves the time of the request.",
    ]
    return fitted(f"Shadow version {version} of {model} is {usual} {way} the live model on the same requests", sentences)
