"""Every message of the contract in one table: its topics, its type, its key, how it travels.

The documents for users (``schemas.documents``, ``schemas.asyncapi``) are made from this table and the types that it
names. Adding a message means adding one row here and its example in ``schemas.examples``.
"""

from typing import Literal

from msgspec import Struct

from schemas.alert import Alert
from schemas.baseline import BaselineDocument
from schemas.headers import DeadLetterHeaders
from schemas.inputs import ActionInput, OutcomeInput, PredictionInput, RetrainStatusInput
from schemas.pair import Pair
from schemas.statistics import DriftStatistics
from schemas.trigger import ModelManifest, RetrainTrigger
from schemas.verdict import Verdict

__all__ = ["MESSAGES", "Form", "Message"]

#: How a message is wrapped: any of the three accepted forms; CloudEvents binary or structured mode; the source's own bytes.
Form = Literal["any", "binary", "structured", "source"]


class Message(Struct, frozen=True, kw_only=True):
    """One row of the catalogue.

    ``type`` is the payload's (a dead letter's: its headers'); ``roles`` are the parts of gnomon that read or write it;
    none where a message is settled and its role is still to come.

    ``event`` is the CloudEvents type of what goes out, ``correlation`` the runtime expression of the id by which records
    that belong together are found.
    """

    name: str
    topics: tuple[str, ...]
    type: type[Struct]
    form: Form
    key: str
    roles: tuple[str, ...] = ()
    event: str | None = None
    correlation: str | None = None
    compacted: bool = False

    @property
    def title(self) -> str:
        """The name as a heading."""
        return self.name.replace("-", " ").capitalize()

    @property
    def summary(self) -> str:
        """The first line of what the type says of itself."""
        return (self.type.__doc__ or "").partition("\n")[0]

    @property
    def is_input(self) -> bool:
        """Whether gnomon reads it."""
        return self.form == "any"


MESSAGES: tuple[Message, ...] = (
    Message(
        name="prediction",
        topics=("predictions.legacy", "predictions.shadow"),
        type=PredictionInput,
        form="any",
        key="the request id, placed by the Java client's partitioner (murmur2)",
        roles=("pair",),
        correlation="$message.payload#/request_id",
    ),
    Message(
        name="outcome",
        topics=("outcomes",),
        type=OutcomeInput,
        form="any",
        key="the request id, placed by the Java client's partitioner (murmur2)",
        roles=("detect",),
        correlation="$message.payload#/request_id",
    ),
    Message(name="model-manifest", topics=("models",), type=ModelManifest, form="any", key="`model/version`", compacted=True),
    Message(
        name="retrain-status",
        topics=("retrain.status",),
        type=RetrainStatusInput,
        form="any",
        key="the model",
        roles=("decide",),
        correlation="$message.payload#/trigger_id",
    ),
    Message(
        name="action",
        topics=("actions",),
        type=ActionInput,
        form="any",
        key="the model, or the topic (`subject`)",
        roles=("decide", "serve"),
        correlation="$message.payload#/id",
    ),
    Message(
        name="pair",
        topics=("pairs",),
        type=Pair,
        form="binary",
        key="the model",
        roles=("pair",),
        event="io.gnomon.pair.v1",
        correlation="$message.payload#/request_id",
    ),
    Message(
        name="drift-statistics",
        topics=("drift.statistics",),
        type=DriftStatistics,
        form="binary",
        key="`model|version|signal|segment`",
        roles=("detect", "pair"),
        event="io.gnomon.drift.statistics.v1",
        correlation="$message.header#/ce_id",
    ),
    Message(
        name="alert",
        topics=("alerts",),
        type=Alert,
        form="structured",
        key="the fingerprint",
        roles=("decide",),
        event="io.gnomon.alert.v1",
        correlation="$message.payload#/data/fingerprint",
    ),
    Message(
        name="retrain-trigger",
        topics=("retrain.triggers",),
        type=RetrainTrigger,
        form="structured",
        key="the model",
        roles=("decide",),
        event="io.gnomon.retrain.trigger.v1",
        correlation="$message.payload#/data/trigger_id",
    ),
    Message(
        name="verdict",
        topics=("verdicts",),
        type=Verdict,
        form="structured",
        key="`model|shadow version`",
        event="io.gnomon.verdict.v1",
        correlation="$message.payload#/id",
    ),
    Message(
        name="baseline",
        topics=("baselines",),
        type=BaselineDocument,
        form="binary",
        key="the baseline's id",
        roles=("detect",),
        event="io.gnomon.baseline.v1",
        correlation="$message.payload#/id",
        compacted=True,
    ),
    Message(
        name="dead-letter",
        topics=("dead.letters",),
        type=DeadLetterHeaders,
        form="source",
        key="the source record's key",
        roles=("pair", "detect", "decide"),
        event="io.gnomon.dead.letter.v1",
        correlation="$message.header#/ce_id",
    ),
)
