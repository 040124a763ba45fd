"""The same payload in the forms that the contract accepts.

Most producers send plain JSON; some send CloudEvents in binary mode (attributes in ``ce_*`` headers), some in structured
mode (the payload in ``data``). Each form also comes in a sparse variety that leaves out what the contract takes from
elsewhere: the request id from the record key or from ``correlationid``, the time from the envelope's ``time``.
"""

from typing import Literal

from msgspec import Raw

from load.planned import Headers
from schemas.cloudevents import binary_headers, rfc3339, structured

__all__ = ["Form", "form_of", "wrap"]

Form = Literal["plain", "plain_sparse", "binary", "binary_sparse", "structured", "structured_sparse"]

_TYPE = "io.gnomon.prediction.v1"
#: One in twenty of each rare form.
_FORMS: dict[int, Form] = {
    14: "binary", 15: "binary_sparse", 16: "structured", 17: "structured_sparse", 18: "plain_sparse",
}  # fmt: skip


def form_of(index: int) -> Form:
    """The form of the event with this number: fifteen of twenty are plain."""
    return _FORMS.get(index % 20, "plain")


def wrap(form: Form, source: str, request_id: bytes, timestamp_ms: int, rest: bytes) -> tuple[bytes, Headers]:
    """The record's value and headers; ``rest`` is the payload's JSON text after its first two members."""
    if form == "plain":
        return b'{"request_id":"%b","timestamp":%d,%b' % (request_id, timestamp_ms, rest), ()
    if form == "plain_sparse":
        return b'{"timestamp":"%b",%b' % (rfc3339(timestamp_ms).encode(), rest), ()
    name = request_id.decode()
    whole = b"{" + rest if form.endswith("sparse") else b'{"request_id":"%b","timestamp":%d,%b' % (request_id, timestamp_ms, rest)
    if form.startswith("binary"):
        headers = binary_headers(_TYPE, source, name, timestamp_ms)
        return whole, [*headers, ("ce_correlationid", request_id)]
    return structured(_TYPE, source, name, Raw(whole), time_ms=timestamp_ms, correlationid=name)
