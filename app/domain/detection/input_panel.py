"""The panel of a model's inputs: its features and their missing shares, and beside them the schema that they make up.

Delivery guarantees: as of any panel; the schema is told of the rows that are taken in, in their order.
"""

from typing import Any, Self

from app.domain.detection.blocks import Rows
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.kernels import Heard
from app.domain.detection.panel import Panel
from app.domain.detection.schema_watch import SchemaWatch
from app.domain.detection.signals import Shares
from app.domain.detection.statistics_records import Emission, Source, emission, end_report
from schemas.statistics import Detector, Role, Signal

__all__ = ["InputPanel"]

_SCHEMA = Signal("schema")


class InputPanel(Panel):
    """See the module's text."""

    def __init__(
        self, role: Role, version: str, source: Source, config: DriftConfig, *, part: float = 1.0, follows: bool = True
    ) -> None:
        super().__init__(role, version, source, config, part=part, follows=follows)
        self.schema = SchemaWatch(config)

    def _count(self, rows: Rows, heard: Heard, here: slice, part: slice) -> None:
        super()._count(rows, heard, here, part)
        numbers, shares = (
            present[:, part].min(axis=1) > 0 for present in (heard.block.numbers_present, heard.block.shares_present)
        )
        whole = {one.signal.name: "number" for one, all_ in zip(self.kernels.numbers, numbers.tolist(), strict=True) if all_}
        for one, all_ in zip(self.kernels.classes, shares.tolist(), strict=True):
            if all_ and one.signal.kind == "feature" and isinstance(one.stage, Shares):
                whole[one.signal.name] = "boolean" if one.stage.boolean else "string"
        self.schema.take(rows, here.start, here.stop, whole)

    def _beside(self) -> list[Emission]:
        before = self.schema.state
        self.schema.close(self.window.end_ms)
        self.states.alarms += before == "quiet" and self.schema.state == "drift"
        detector = Detector("schema", self.schema.state, self.schema.score, 1.0)
        return [emission(self, _SCHEMA, detector, self.schema.figures())]

    def end(self, successor: str | None) -> list[Emission]:
        """Close what is open under this version's name, the schema's change too."""
        schema = [end_report(self, _SCHEMA, "version", successor)] if self.schema.state == "drift" else []
        return super().end(successor) + schema

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return super().dump() | {"schema": self.schema.dump()}

    @classmethod
    def load(cls, state: dict[str, Any], source: Source, config: DriftConfig) -> Self:
        """Take the state back."""
        panel = super().load(state, source, config)
        panel.schema = SchemaWatch.load(state["schema"], config)
        return panel
