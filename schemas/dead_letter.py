"""Why an event is not part of a pair: the reasons, and the headers of a record on ``dead.letters``.

The value of a dead letter is the source's value, byte for byte; its key and its partition number are the source's.
"""

from collections.abc import Sequence
from typing import Literal, get_args

__all__ = ["REASONS", "Reason", "dead_letter_headers"]

Reason = Literal[
    "not_json", "invalid_schema", "too_large", "timestamp_out_of_range", "unsupported_encoding", "duplicate", "late",
    "unauthorised",
]  # fmt: skip
REASONS: tuple[Reason, ...] = get_args(Reason)
