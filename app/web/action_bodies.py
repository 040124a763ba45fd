"""What the requests that write something carry, and what is answered; the OpenAPI document is made from these types."""

from typing import Annotated

from msgspec import Meta, Struct

from app.actions import INPUT_TOPICS

__all__ = ["MINUTES", "Said", "SilenceSaid", "Written"]

#: 90 days.
MINUTES = 60 * 24 * 90
_By = Annotated[
    str, Meta(min_length=1, max_length=256, description="Who decides. With authentication it is known, and may be left out.")
]
_Label = Annotated[str, Meta(min_length=1, max_length=128)]
_Value = Annotated[str, Meta(min_length=1, max_length=256)]


class Said(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who decides, and why."""

    why: Annotated[str, Meta(min_length=1, max_length=1_000, description="For whom reads it later.")]
    by: _By | None = None


class SilenceSaid(Said, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be silent, and for how long: alerts of one model, or of one input topic."""

    minutes: Annotated[int, Meta(ge=1, le=MINUTES, description="From now on.")]
    model: Annotated[str, Meta(min_length=1, max_length=128, description="Its name.")] | None = None
    topic: (
        Annotated[str, Meta(description="Its name without the prefix.", extra_json_schema={"enum": list(INPUT_TOPICS)})] | None
    ) = None
    match: Annotated[
        dict[_Label, _Value],
        Meta(max_length=16, description="Labels that an alert has, all of them; by default all alerts of the model or topic."),
    ] = {}


class Written(Struct, frozen=True, kw_only=True):
    """An action that is on its topic. Whether it has an effect is for the role `decide` to say, within a second or so.

    ``timestamp`` and ``until``, the end of a silence, are milliseconds of wall time.
    """

    id: str
    action: str
    subject: str
    by: str
    timestamp: int
    until: int | None
    topic: str
    partition: int
    offset: int
