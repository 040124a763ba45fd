"""A text that is not shown: a ``str`` to the libraries that need one, and ``***`` to everything that prints.

``msgspec`` refuses to encode one; ``json`` and ``orjson`` do not know it from another text, so nothing that may hold a secret
is given to them.
"""

from typing import Any

__all__ = ["MASK", "Secret"]

MASK = "***"


class Secret(str):
    """A password or key, masked in ``repr``, ``str``, f-strings and the configuration's own output.

    >>> Secret("hunter2"), f"{Secret('hunter2')}", Secret("hunter2").reveal()
    (***, '***', 'hunter2')
    """

    __slots__ = ()

    def reveal(self) -> str:
        """The text itself."""
        return str.__str__(self)

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> Any:
        msg = "a secret is not pickled"
        raise TypeError(msg)
