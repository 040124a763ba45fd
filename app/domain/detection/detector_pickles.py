"""The state of a detector that is no part of gnomon: a pickle that can name nothing but the detector's own kind of thing.

A pickle can call any function that it names. This one may name classes of the package that the detector comes from, of River,
and a short list of plain containers and arrays; anything else is refused. So a checkpoint that somebody wrote into Kafka runs
nothing but what is installed as a detector.
"""

import io
import pickle
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from inspect import ismethod
from typing import Any, cast

from app.domain.detection.detector_specs import Detector
from app.domain.detection.state_codec import StateError

__all__ = ["dumped", "loaded", "version_of"]

_PLAIN = {
    ("builtins", "set"), ("builtins", "frozenset"), ("builtins", "bytearray"), ("builtins", "complex"), ("builtins", "slice"),
    ("builtins", "range"), ("collections", "deque"), ("collections", "OrderedDict"), ("collections", "defaultdict"),
    ("collections", "Counter"), ("random", "Random"), ("numpy", "ndarray"), ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "scalar"), ("numpy._core.numeric", "_frombuffer"),
}  # fmt: skip


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def version_of(detector: Detector) -> str:
    """The version of the package that it comes from; empty where that is not installed as a package."""
    return _version(_package(type(detector)))


@cache
def _version(package: str) -> str:
    names = packages_distributions().get(package, [package])
    try:
        return version(names[0])
    except PackageNotFoundError:
        return ""


def dumped(detector: Detector) -> bytes:
    """Its state."""
    return pickle.dumps(detector, protocol=5)


def loaded(state: bytes, kind: type) -> Detector:
    """What was dumped; ``StateError`` where it names what no detector needs, or is another kind of thing."""
    found = _Unpickler(io.BytesIO(state), {"river", _package(kind)}).load()
    if type(found) is not kind:
        message = f"saved state of a detector: holds a {type(found).__name__}, expected a {kind.__name__}"
        raise StateError(message)
    return cast("Detector", found)


class _Unpickler(pickle.Unpickler):
    def _method(self, of: Any, name: str) -> Any:
        """A method of an object that a detector's state may hold; never a way into a module."""
        found = getattr(of, name)
        if name.startswith("__") or isinstance(of, type) or _package(type(of)) not in self._packages or not ismethod(found):
            message = f"saved state of a detector: takes {name} of a {type(of).__name__}, which no detector needs"
            raise StateError(message)
        return found

    def __init__(self, file: io.BytesIO, packages: set[str]) -> None:
        super().__init__(file)
        self._packages = packages

    def find_class(self, module: str, name: str) -> Any:
        """A class by its name, where a detector's state may hold it."""
        if (module, name) == ("builtins", "getattr"):  # how a method of an object is kept
            return self._method
        if (module, name) in _PLAIN or (module.partition(".")[0] in self._packages and "." not in name):
            found = super().find_class(module, name)
            if isinstance(found, type) or (module, name) in _PLAIN:
                return found
        message = f"saved state of a detector: names {module}.{name}, which no detector needs"
        raise StateError(message)
