"""What Schemathesis cannot know of the API. Loaded by its command through SCHEMATHESIS_HOOKS.

Which cursors there are; that a stretch of time ends after it begins; that without authentication somebody has to say who decides;
that a silence is of a model or of a topic; that a key of a request is of that request alone.
"""

from typing import Any

import schemathesis
from hypothesis import strategies as st

# Of a random text the document cannot say whether it is a cursor; an empty one is that of the first page.
schemathesis.openapi.format("cursor", st.just(""))
_keys: set[str] = set()


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    query, body = case.query, case.body
    times = [str((query or {}).get(name, "")) for name in ("from", "to")]
    if all(map(str.isdigit, times)) and int(times[0]) >= int(times[1]):
        del query["to"]
    if isinstance(body, dict) and body.get("by") is None:
        body["by"] = "ada"
    if isinstance(body, dict) and "minutes" in body and (body.get("model") is None) == (body.get("topic") is None):
        body |= {"model": "flight-delay", "topic": None}
    if isinstance(body, dict) and isinstance(minutes := body.get("minutes"), float) and minutes.is_integer():
        body["minutes"] = int(minutes)  # JSON Schema takes 5.0 for an integer; the service does not
    key = (case.headers or {}).get("Idempotency-Key")
    if key in _keys:
        case.headers["Idempotency-Key"] = f"k{len(_keys)}-{case.id}"
    elif isinstance(key, str):
        _keys.add(key)
