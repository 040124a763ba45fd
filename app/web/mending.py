"""Why an event was refused, and how its producer is mended, for the page and the API."""

__all__ = ["ADVICE"]

#: By reason: what it means, and how the producer is mended.
ADVICE: dict[str, tuple[str, str]] = {
    "not_json": (
        "The value is no JSON as RFC 8259 has it, or there is none.",
        "Write one JSON object as UTF-8: no NaN and no Infinity (null in their place), no empty value, no tombstone.",
    ),
    "invalid_schema": (
        "The value is JSON, but not the message of this topic; `detail` names the field and what is allowed.",
        "Check against the JSON Schema of the message in docs/schemas before sending; `detail` names the field to look at.",
    ),
    "too_large": (
        "The value, its metadata, the number of its features or its nesting is over a limit; `detail` says which.",
        "Send less of it, metadata first, or raise the setting that `detail` names under limits for all workers.",
    ),
    "timestamp_out_of_range": (
        "The event's time is before the year 2000, or more than a day ahead of the record's own.",
        "Send milliseconds since the epoch (no seconds, no microseconds) or RFC 3339, and set the producer's clock.",
    ),
    "unsupported_encoding": (
        "The value begins with a zero byte or a byte order mark: Avro or Protobuf of a schema registry, UTF-16, or a BOM.",
        "Use a JSON serializer in place of the schema registry's, and UTF-8 without a byte order mark.",
    ),
    "duplicate": (
        "The half of a request that is known already; `detail` says `conflicting` where it says something else than the first.",
        "Send each prediction once: switch on the producer's idempotence, and give each request an id of its own.",
    ),
    "late": (
        "It came after the record of its request was written without it.",
        "Send sooner (a slow shadow, a producer that batches for long), or raise pairing.window_ms and pairing.grace_ms.",
    ),
    "unauthorised": (
        "Who sent it may not say this, or not now: an answer to a trigger that waits for approval, an action of somebody else.",
        "Answer only triggers whose approval is `not_required` or `approved`, and act under your own name.",
    ),
    "unknown": (
        "The dead letter has no reason of this release in its headers.",
        "Only the service writes to dead.letters: find out who else does, or whether a newer release wrote it.",
    ),
}  # fmt: skip
