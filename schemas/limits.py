"""How large and how strange a record may be. Each bound is the contract's; the first is a setting."""

from msgspec import Struct

__all__ = ["DAY_MS", "EARLIEST_MS", "LATEST_MS", "Limits"]

#: 2000-01-01T00:00:00Z. Seconds taken for milliseconds land in January 1970, and are refused by this.
EARLIEST_MS = 946_684_800_000
DAY_MS = 86_400_000
#: 2100-01-01T00:00:00Z. The bound for a record that has no time of its own to be compared with.
LATEST_MS = 4_102_444_800_000


class Limits(Struct, frozen=True):
    """Bounds of one input record: bytes of the value and of ``metadata``, members of ``features``, depth of nesting."""

    record_bytes: int = 1 << 20
    metadata_bytes: int = 4096
    features: int = 2048
    nesting: int = 32
    segments: int = 8
    request_id_bytes: int = 256
    version_characters: int = 128

    @property
    def dead_letter_bytes(self) -> int:
        """What a dead letter may take: inputs are read up to twice the limit, and ``dead.letters`` has 64 KiB of room more."""
        return 2 * self.record_bytes + 64 * 1024
