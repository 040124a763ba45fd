"""What producers may write, as types: the wire forms of the input messages, every fallback still open.

The decoders (``schemas.codec``, ``schemas.outcome_codec``) take the same messages faster and refuse them in better words;
these types are what the published JSON Schemas are made of, and what a producer's own tests may validate against. A test
holds both together: what these allow is decoded, what they forbid is refused. Three bounds have no form in JSON Schema
and stand in the descriptions: lengths in bytes, depth of nesting, and times against the record's own.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from schemas.action import ActionName
from schemas.limits import EARLIEST_MS, Limits
from schemas.trigger import StatusName

__all__ = ["ActionInput", "OutcomeInput", "PredictionInput", "RetrainStatusInput"]

_LIMITS = Limits()

_RequestId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=_LIMITS.request_id_bytes,
        description="The request that was answered, at most 256 bytes of UTF-8. Without it `ce_correlationid` is taken, "
        "then the record's key.",
        examples=["r-000123"],
    ),
]
_ModelName = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9._-]{1,128}$",
        description="The logical model that is served: the same name for the legacy version and its shadows.",
    ),
]
_Version = Annotated[
    str, Meta(min_length=1, max_length=_LIMITS.version_characters, description="Which version of the model answered.")
]
_Milliseconds = Annotated[int, Meta(ge=EARLIEST_MS, description="Milliseconds since the epoch, from 2000-01-01.")]
_Rfc3339 = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
        description="RFC 3339, with an offset.",
        extra_json_schema={"format": "date-time"},
    ),
]
_Timestamp = Annotated[
    _Milliseconds | _Rfc3339 | None,
    Meta(
        description="Event time, at most 24 hours ahead of the record's own. Without it `ce_time` is taken, then the record's "
        "timestamp."
    ),
]
_Probability = Annotated[float, Meta(ge=0, le=1)]
_Probabilities = Annotated[dict[str, _Probability], Meta(min_length=1, max_length=_LIMITS.features)]
_Answer = Annotated[
    bool | float | str | _Probabilities,
    Meta(description="A score (number), a class (string or boolean), or an object of class label to probability."),
]
_Features = Annotated[
    dict[str, float | bool | str | None],
    Meta(
        max_length=_LIMITS.features,
        description="What the model was asked about: flat, by name; nested values are refused.",
        examples=[{"age": 41, "income": 5300.5, "country": "DE", "owner": True, "note": None}],
    ),
]
_Segments = Annotated[
    dict[str, str],
    Meta(max_length=_LIMITS.segments, description="Groups that are watched by themselves.", examples=[{"channel": "web"}]),
]
_Metadata = Annotated[
    dict[str, Any], Meta(description="Carried through and never read; at most 4096 bytes as JSON text, 32 levels deep.")
]
_NotNegative = Annotated[float, Meta(ge=0)]


class PredictionInput(Struct, frozen=True, kw_only=True):
    """One model's answer to one request. The role, legacy or shadow, is the topic that it is written to."""

    request_id: _RequestId | None = None
    model: _ModelName
    version: _Version
    timestamp: _Timestamp = None
    prediction: _Answer
    features: _Features | None = None
    latency_ms: Annotated[_NotNegative | None, Meta(description="How long the model took, in milliseconds.")] = None
    cost: Annotated[_NotNegative | None, Meta(description="What the answer cost, in a unit of your own.")] = None
    segments: _Segments | None = None
    metadata: _Metadata | None = None


class OutcomeInput(Struct, frozen=True, kw_only=True):
    """The truth about one request, and what it was worth, as soon as they are known."""

    request_id: _RequestId | None = None
    model: _ModelName
    timestamp: _Timestamp = None
    label: Annotated[bool | float | str, Meta(description="What the prediction should have been: a number or a class.")]
    value: Annotated[float | None, Meta(description="What the outcome was worth, in a unit of your own.")] = None
    kpis: Annotated[
        Annotated[dict[str, float], Meta(max_length=64)] | None, Meta(description="Business figures of this request, by name.")
    ] = None
    correction: Annotated[bool, Meta(description="Whether this replaces what was said before.")] = False


class RetrainStatusInput(Struct, frozen=True, kw_only=True):
    """What became of a retrain trigger, told by the pipeline that acted on it."""

    trigger_id: Annotated[str, Meta(min_length=1, max_length=256, description="The trigger's own id.")]
    model: _ModelName
    status: StatusName
    new_version: Annotated[_Version | None, Meta(description="The version that came out of it, once there is one.")] = None
    timestamp: _Timestamp = None
    detail: Annotated[str | None, Meta(description="Anything that a person would want to know.")] = None


class ActionInput(Struct, frozen=True, kw_only=True):
    """What somebody decides: to approve, reject or fire a retrain trigger; to acknowledge or silence alerts."""

    id: Annotated[str, Meta(min_length=1, max_length=256, description="The action's own id: a copy has the same.")]
    action: ActionName
    subject: Annotated[
        str, Meta(pattern="^[A-Za-z0-9._-]{1,128}$", description="The model, or the input topic of an alert without a model.")
    ]
    by: Annotated[str, Meta(min_length=1, max_length=256, description="Who decided.")]
    why: Annotated[str, Meta(min_length=1, max_length=1_000, description="For whom reads it later.")]
    timestamp: _Timestamp = None
    trigger_id: Annotated[
        Annotated[str, Meta(min_length=1, max_length=256)] | None, Meta(description="Of `approve` and `reject`: which trigger.")
    ] = None
    fingerprint: Annotated[
        Annotated[str, Meta(min_length=1, max_length=256)] | None,
        Meta(description="Of `acknowledge`, `silence` and `unsilence`: which alert."),
    ] = None
    matchers: Annotated[
        Annotated[dict[str, Annotated[str, Meta(max_length=256)]], Meta(min_length=1, max_length=16)] | None,
        Meta(description="Of `silence` and `unsilence`, in place of a fingerprint: label, of at most 128 characters, to value."),
    ] = None
    until: Annotated[_Milliseconds | _Rfc3339 | None, Meta(description="Of `silence`: its end.")] = None
    silence: Annotated[
        Annotated[str, Meta(min_length=1, max_length=256)] | None,
        Meta(description="Of `unsilence`, in place of a fingerprint and matchers: the id of the action that is taken back."),
    ] = None
