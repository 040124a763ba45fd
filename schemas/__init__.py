"""What goes over the wire, and nothing of what is done with it.

The names here are the messages of the public contract and the decoders of the inputs; a program that shares topics with
gnomon may rely on them. ``schemas.documents`` has the same for programs in other languages.
"""

from schemas.action import Action
from schemas.alert import Alert
from schemas.baseline import BaselineDocument
from schemas.codec import PredictionDecoder
from schemas.control_codec import ActionDecoder, StatusDecoder
from schemas.errors import DecodeError
from schemas.half import Half
from schemas.inputs import ActionInput, OutcomeInput, PredictionInput, RetrainStatusInput
from schemas.limits import Limits
from schemas.offsets import OffsetRange, Window
from schemas.outcome_codec import OutcomeDecoder
from schemas.pair import LegacyHalf, Pair, ShadowHalf
from schemas.prediction import Outcome, Prediction
from schemas.statistics import Coverage, Detector, DriftStatistics, Signal
from schemas.trigger import ModelManifest, RetrainStatus, RetrainTrigger
from schemas.verdict import Verdict

__all__ = [
    "Action",
    "ActionDecoder",
    "ActionInput",
    "Alert",
    "BaselineDocument",
    "Coverage",
    "DecodeError",
    "Detector",
    "DriftStatistics",
    "Half",
    "LegacyHalf",
    "Limits",
    "ModelManifest",
    "OffsetRange",
    "Outcome",
    "OutcomeDecoder",
    "OutcomeInput",
    "Pair",
    "Prediction",
    "PredictionDecoder",
    "PredictionInput",
    "RetrainStatus",
    "RetrainStatusInput",
    "RetrainTrigger",
    "ShadowHalf",
    "Signal",
    "StatusDecoder",
    "Verdict",
    "Window",
]
