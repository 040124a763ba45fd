"""What a baseline holds, as data and for people; what only the detector reads is left out."""

from collections.abc import Iterator
from typing import Any

import msgspec

from app.domain.detection.baseline import Baseline

__all__ = ["as_data", "lines"]


def as_data(found: Baseline, size: int, *, expired: bool) -> dict[str, Any]:
    """The document, whether it has expired, and its size in bytes."""
    data: dict[str, Any] = msgspec.to_builtins(found.document)
    for panel in data["panels"]:
        for signal in panel["signals"]:
            del signal["state"]
    return data | {"expired": expired, "bytes": size}


def lines(found: Baseline, *, expired: bool) -> Iterator[str]:
    """The same for people."""
    document = found.document
    yield found.id
    yield f"model {document.model}, version {document.version}, owner {document.owner}, created {document.created}"
    yield f"expires {document.expires or 'never'}{' (EXPIRED)' if expired else ''}"
    source = document.source
    places = ", ".join(f"{source.topic}-{one.partition} [{one.start}, {one.end})" for one in source.offsets)
    pairs = sum(one.pairs for one in source.offsets)
    yield f"from {pairs:,} pairs, {source.first} to {source.last}: {places}"
    for panel in document.panels:
        segment = "".join(f" in {name}={value}" for name, value in (panel.segment or {}).items())
        yield f"{panel.role} {panel.version or ('all versions' if panel.role == 'all' else 'inputs')}{segment}"
        for signal in panel.signals:
            name = f"{signal.kind}/{signal.name}" if signal.name else signal.kind
            yield f"  {name}: {signal.values:,} values, {_figures(signal.reference, signal.shares)}"
        for left in panel.left_out:
            yield f"  {left.signal}: LEFT OUT, {left.values:,} values are too few"


def _figures(reference: dict[str, float] | None, shares: dict[str, float] | None) -> str:
    if reference is not None:
        return ", ".join(f"{name} {reference[name]:.6g}" for name in ("mean", "sd", "min", "max"))
    heaviest = sorted((shares or {}).items(), key=lambda item: -item[1])
    more = f", {len(heaviest) - 5} more" if len(heaviest) > 5 else ""
    return ", ".join(f"{label[:40]} {share:.2%}" for label, share in heaviest[:5]) + more
