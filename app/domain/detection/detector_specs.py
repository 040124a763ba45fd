"""How a detector beside the scan is named in the configuration, and how such a name becomes a detector.

    river.drift.PageHinkley(threshold=30)                  one of River's, on what is left of numbers (residual scores)
    river.drift.KSWIN(seed=1) on values                    on the values as they are
    river.drift.binary.DDM() for disagreement              for the signals of one kind, or for one signal (feature/owner)
    acme(sensitivity=2)                                    a class that an installed package registered in the entry point
                                                           group ``gnomon.detectors`` under this name

A detector is a class in River's manner: ``update(x)`` takes one value, ``drift_detected`` says whether it saw a change. It is
made anew after each change that it saw. Numbers are seen by all, booleans by River's binary ones and by those that are named
*for* them.
"""

import ast
import importlib
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any, NamedTuple, Protocol, cast

from schemas.statistics import Signal

__all__ = ["GROUP", "Detector", "DetectorSpec", "class_of", "spec_of"]

GROUP = "gnomon.detectors"
_ALLOWED = (
    "allowed are scan, adwin, one of River's such as river.drift.PageHinkley(threshold=30), and a name registered in the entry "
    "point group gnomon.detectors; then perhaps 'on values', then perhaps 'for KIND' or 'for KIND/NAME'"
)


class Detector(Protocol):
    """What every detector can do."""

    @property
    def drift_detected(self) -> bool: ...
    def update(self, x: Any) -> Any: ...


class DetectorSpec(NamedTuple):
    """``path``: River's dotted name or a registered one. ``signals``: a kind or kind/name, empty for all."""

    text: str
    path: str
    arguments: dict[str, Any]
    on_values: bool = False
    signals: str = ""

    def sees(self, signal: Signal, *, boolean: bool) -> bool:
        """Whether it is asked about this signal."""
        if self.signals:
            return self.signals in {signal.kind, str(signal)}
        return boolean == self.path.startswith("river.drift.binary.")

    def make(self) -> Detector:
        """A new detector."""
        return class_of(self.path)(**self.arguments)


@lru_cache(maxsize=256)
def spec_of(text: str) -> DetectorSpec:
    """What is written in the configuration, understood; ``ValueError`` where no detector can be made of it.

    >>> spec_of("river.drift.PageHinkley(threshold=30) on values for latency").arguments
    {'threshold': 30}
    """
    call, _, signals = text.partition(" for ")
    call, on, what = call.partition(" on ")
    named = _call(call.strip())
    if named is None or (on and what.strip() != "values"):
        message = f"{text!r} names no detector: {_ALLOWED}"
        raise ValueError(message)
    spec = DetectorSpec(text, *named, bool(on), signals.strip())
    try:
        made = spec.make()
        made.update(0)
        bool(made.drift_detected)
    except Exception as error:  # whatever a class of somebody else's raises
        message = f"{text!r} makes no detector ({type(error).__name__}: {error}): {_ALLOWED}"
        raise ValueError(message) from error
    return spec


def _call(text: str) -> tuple[str, dict[str, Any]] | None:
    """``a.b(c=1)`` as its dotted name and its arguments, which are plain values; None for anything else."""
    try:
        node = ast.parse(text, mode="eval").body
        if not isinstance(node, ast.Call) or node.args:
            return None
        return ast.unparse(node.func), {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in node.keywords}
    except (SyntaxError, ValueError):
        return None


@lru_cache(maxsize=64)
def class_of(path: str) -> Callable[..., Detector]:
    """River's class of this dotted name, or the one that is registered under it; ``LookupError`` without one."""
    if path.startswith("river."):
        module, _, name = path.rpartition(".")
        found = getattr(importlib.import_module(module), name, None)
        if isinstance(found, type):
            return cast("Callable[..., Detector]", found)
    else:
        for entry in entry_points(group=GROUP, name=path):
            return cast("Callable[..., Detector]", entry.load())
    message = f"there is no {path}"
    raise LookupError(message)
