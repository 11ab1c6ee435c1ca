"""What the machines say: each vendor's signals, and their samples from what really happened.

A *series* is one signal of one work unit over one plant week; everything that is sent, live
or as history, is a stretch of series.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.simulator import consumption
from edge.simulator.machine import Result
from edge.simulator.plant import WORK_UNITS
from edge.simulator.production import LineWeek, Plant, UnitWeek
from edge.simulator.shifts import working_time
from takt.packml import State

_REASON_DELAY_MS = 700
_RESET_DELAY_MS = 1_500
"""How long after the start of a shift a PLC notices it."""
_MEASURED_EVERY_MS = 30_000

_T = TypeVar("_T")
Mode = Literal["total", "increment", "cycle"]
Reset = Literal["never", "shift", "restart"]


@dataclass(frozen=True)
class Signal:
    """One signal of a machine.

    Attributes:
        name: What the vendor calls it.
        role: Its meaning, in the words of `signal_map`.
        mode: How a counter is told; None for what is no counter.
        bits: Width of a counter that rolls over.
        reset: When a counter goes back to 0.
        units_per_pulse: Pieces per count.
        scale: Factor from the raw number to its unit.
        level: Usual raw value of a measurement.
        material_item_id: What a counter of consumption measures.
    """

    name: str
    role: str
    mode: Mode | None = None
    bits: int | None = None
    reset: Reset = "never"
    units_per_pulse: float | None = None
    scale: float | None = None
    level: float = 0.0
    material_item_id: str | None = None

    @property
    def is_repeatable(self) -> bool:
        """Whether saying the current value again changes nothing."""
        return self.role in ("state", "order", "item", "reason") or self.mode == "total"


@dataclass(frozen=True)
class Vendor:
    """How the machines of one maker speak.

    Attributes:
        protocol: How they are reached.
        states: Raw value of each state they show; numbers are codes.
    """

    protocol: Literal["opcua", "mqtt"]
    states: dict[str, int | str]


_PACKTAGS = (
    State.CLEARING,
    State.STOPPED,
    State.STARTING,
    State.IDLE,
    State.SUSPENDED,
    State.EXECUTE,
    State.STOPPING,
    State.ABORTING,
    State.ABORTED,
    State.HOLDING,
    State.HELD,
    State.UNHOLDING,
    State.SUSPENDING,
    State.UNSUSPENDING,
    State.RESETTING,
    State.COMPLETING,
    State.COMPLETE,
)
"""States in the order of their OMAC PackTags codes, from 1."""

VENDORS = {
    "tmc": Vendor("opcua", {**{state: code for code, state in enumerate(State)}, "setup": 20}),
    "packtags": Vendor(
        "opcua", {**{state: code for code, state in enumerate(_PACKTAGS, 1)}, "setup": 90}
    ),
    "gateway": Vendor(
        "mqtt",
        {"running": "Produktion", "setup": "Rüsten", "idle": "Warten", "stopped": "Halt"},
    ),
    "json": Vendor("mqtt", {**{state: state.upper() for state in State}, "setup": "SETUP"}),
}
"""By `WorkUnit.vendor`; `tmc` numbers states as OPC-TMC does, from 0 in the order of PackML."""


def _tmc(measurement: Signal, *, strokes: float | None, has_rework: bool) -> tuple[Signal, ...]:
    counters = [
        Signal("ProdProcessedCount", "total_count", "total", 16, units_per_pulse=strokes),
        Signal("ProdDefectiveCount", "reject_count", "total", 16),
    ]
    if has_rework:
        counters.append(Signal("ProdReworkCount", "rework_count", "total", 16))
    fixed = Signal("StateCurrent", "state"), Signal("OrderId", "order")
    return *fixed, Signal("StopReason", "reason"), *counters, measurement


def _packtags(measurement: Signal) -> tuple[Signal, ...]:
    return (
        Signal("Status.StateCurrent", "state"),
        Signal("Status.JobNumber", "order"),
        Signal("Admin.StopReason", "reason"),
        Signal("Admin.GoodCount", "good_count", "total", reset="restart"),
        Signal("Admin.RejectCount", "reject_count", "total", reset="restart"),
        measurement,
    )


_GATEWAY = (
    Signal("status", "state"),
    Signal("auftrag", "order"),
    Signal("grund", "reason"),
    Signal("gutteile", "good_count", "total", reset="shift"),
    Signal("ausschuss", "reject_count", "total", reset="shift"),
)
_JSON = (Signal("state", "state"), Signal("order", "order"))

SIGNALS: dict[str, tuple[Signal, ...]] = {
    "assembly/line1/press01": _tmc(
        Signal("PressForce", "measurement", scale=0.1, level=3_120), strokes=0.5, has_rework=False
    ),
    "assembly/line1/weld01": _tmc(
        Signal("WeldCurrent", "measurement", level=8.4), strokes=None, has_rework=True
    ),
    "assembly/line1/coat01": (*_GATEWAY, Signal("ofentemperatur", "measurement", level=186)),
    "assembly/line1/pack01": _GATEWAY,
    "machining/line2/saw01": (
        *_JSON,
        Signal("cycle", "total_count", "cycle", units_per_pulse=2),
        Signal("scrap", "reject_count", "increment"),
    ),
    "machining/line2/lathe01": (
        *_JSON,
        Signal("item", "item"),
        Signal("parts", "total_count", "increment"),
        Signal("scrap", "reject_count", "increment"),
    ),
    "machining/line2/mill01": _packtags(Signal("SpindleLoad", "measurement", level=62)),
    consumption.METER.unit.equipment_id: (
        *_packtags(Signal("BathTemperature", "measurement", scale=0.1, level=641)),
        Signal(
            "CleanerUsed",
            "consumption",
            "total",
            32,
            scale=consumption.METER.scale,
            material_item_id=consumption.METER.item_id,
        ),
    ),
}
"""The signals of each work unit."""
_VENDOR_OF = {unit.equipment_id: unit.vendor for unit in WORK_UNITS}


def vendor_of(equipment_id: str) -> str:
    """Who made a work unit."""
    return _VENDOR_OF[equipment_id]


class Series(NamedTuple):
    """Samples of one signal in time order: `values` or `texts`, the other is None."""

    equipment_id: str
    signal: Signal
    at: NDArray[np.int64]
    values: NDArray[np.float64] | None
    texts: Sequence[str] | None

    def between(self, begin: int, end: int) -> "Series":
        """The samples in [begin, end), in ms."""
        first, last = np.searchsorted(self.at, (begin, end))
        return self._replace(
            at=self.at[first:last],
            values=None if self.values is None else self.values[first:last],
            texts=None if self.texts is None else self.texts[first:last],
        )

    def last_before(self, at: int) -> "Series":
        """The value that held just before `at`, told as of `at`; empty when there was none."""
        place = int(np.searchsorted(self.at, at))
        return self._replace(
            at=np.full(min(place, 1), at, dtype=np.int64),
            values=None if self.values is None else self.values[max(place - 1, 0) : place],
            texts=None if self.texts is None else self.texts[max(place - 1, 0) : place],
        )


class Signals:
    """All series of a plant."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._weeks: dict[tuple[str, int], list[Series]] = {}
        self._counts: dict[tuple[str, int], NDArray[np.int64]] = {}

    def between(self, begin: int, end: int) -> Iterator[Series]:
        """Everything that is said in [begin, end), in ms, signal by signal and week by week."""
        for series in self._touching(begin, end):
            part = series.between(begin, end)
            if len(part.at):
                yield part

    def current(self, at: int) -> Iterator[Series]:
        """What each repeatable signal said last before `at`, told again as of `at`."""
        found: dict[tuple[str, str], Series] = {}
        # At the first moment of a week, what held before is a matter of the week before.
        for series in self._touching(at - 1, at + 1):
            if series.signal.is_repeatable:
                last = series.last_before(at)
                if len(last.at):
                    found[series.equipment_id, series.signal.name] = last
        yield from found.values()

    def _touching(self, begin: int, end: int) -> Iterator[Series]:
        for line_week in self._plant.line_weeks(begin, end):
            for unit_week in line_week.units:
                yield from self._series(line_week, unit_week)

    def _series(self, line_week: LineWeek, week: UnitWeek) -> list[Series]:
        key = week.unit.equipment_id, week.begin
        if key not in self._weeks:
            teller = _Teller(self._plant, line_week, week)
            self._weeks[key] = [teller.tell(signal) for signal in SIGNALS[week.unit.equipment_id]]
        return self._weeks[key]


@dataclass(frozen=True)
class _Teller:
    """Turns one work unit's week into the samples of its signals."""

    plant: Plant
    line_week: LineWeek
    week: UnitWeek

    def tell(self, signal: Signal) -> Series:
        match signal.role:
            case "state":
                return self._state(signal)
            case "order" | "item":
                return self._order(signal)
            case "reason":
                return self._reason(signal)
            case "measurement":
                return self._measurement(signal)
            case "consumption":
                return self._consumption(signal)
            case _:
                return self._count(signal)

    def _state(self, signal: Signal) -> Series:
        raw = VENDORS[self.week.unit.vendor].states
        moments = _where_new([(each.at, each.state) for each in self.week.changes])
        told = [raw[state] for _, state in moments]
        if all(isinstance(each, int) for each in told):
            return self._numbers(signal, [at for at, _ in moments], np.array(told, dtype=float))
        return self._texts(signal, moments, [str(each) for each in told])

    def _order(self, signal: Signal) -> Series:
        moments = _where_new([(each.at, each.production_order_id) for each in self.week.changes])
        items = self.line_week.items
        if signal.role == "order":
            return self._texts(signal, moments, [order or "" for _, order in moments])
        names = [items[order].item_id if order else "" for _, order in moments]
        return self._texts(signal, moments, names)

    def _reason(self, signal: Signal) -> Series:
        """What the machine itself knows: technical reasons, a moment after the stop began."""
        moments = _where_new([(each.at, each.reason_id) for each in self.week.changes])
        told = [(at, reason if reason in MACHINE_REASONS else None) for at, reason in moments]
        shown = _where_new(told)
        at = [(at + _REASON_DELAY_MS if reason else at, reason) for at, reason in shown]
        return self._texts(signal, at, [reason or "" for _, reason in shown])

    def _count(self, signal: Signal) -> Series:
        counted = _COUNTED[signal.role]
        is_counted = np.isin(self.week.piece_result, counted)
        at = self.week.piece_at[is_counted]
        if signal.mode == "total" and signal.reset == "never":
            return self._endless_total(signal, at, self._made_before(counted))
        if signal.mode == "total":
            return self._total(signal, at)
        moments, pieces = np.unique(at, return_counts=True)
        told = pieces if signal.mode == "increment" else np.ones(len(moments))
        return Series(self._equipment, signal, moments, told.astype(float), None)

    def _total(self, signal: Signal, at: NDArray[np.int64]) -> Series:
        """The running total after each piece; once more at each reset, as 0."""
        resets = np.array(self._resets(signal), dtype=np.int64)
        moments, counts = _running_count(at)
        at_reset = np.concatenate(([0], np.searchsorted(at, resets)))
        since_reset = counts - at_reset[np.searchsorted(resets, moments, side="right")]
        moments = np.concatenate((resets, moments))
        told = np.concatenate((np.zeros(len(resets)), since_reset)).astype(np.float64)
        order = np.argsort(moments, kind="stable")
        return self._numbers(signal, moments[order], told[order])

    def _endless_total(self, signal: Signal, at: NDArray[np.int64], before: int) -> Series:
        """The total since ever after each piece, modulo the counter's width."""
        moments, counts = _running_count(at)
        made = np.concatenate(([0], counts)) + before
        pulses = np.rint(made / (signal.units_per_pulse or 1)).astype(np.int64)
        return self._since_ever(signal, moments, pulses)

    def _since_ever(
        self, signal: Signal, moments: NDArray[np.int64], pulses: NDArray[np.int64]
    ) -> Series:
        """What a counter that never resets tells: at the week's begin, and at these moments."""
        told = (pulses + self._first_reading(signal)) % 2 ** (signal.bits or 62)
        return self._numbers(
            signal, np.concatenate(([self.week.begin], moments)), told.astype(float)
        )

    def _made_before(self, results: Sequence[Result]) -> int:
        """Pieces of these results that this plant made before the week."""
        return sum(
            int(np.isin(week.piece_result, results).sum()) for _, week in self._weeks_before()
        )

    def _consumption(self, signal: Signal) -> Series:
        """What was taken since ever, after each piece."""
        taken = consumption.taken(self.plant, self.line_week, self.week)
        before = sum(
            int(consumption.taken(self.plant, *earlier).sum()) for earlier in self._weeks_before()
        )
        moments, counts = _running_count(self.week.piece_at)
        so_far = np.concatenate(([0], np.cumsum(taken)))[np.concatenate(([0], counts))]
        return self._since_ever(signal, moments, so_far + before)

    def _weeks_before(self) -> Iterator[tuple[LineWeek, UnitWeek]]:
        place = self.line_week.line.work_units.index(self.week.unit)
        for monday in self.plant.mondays(self.plant.start, self.week.begin):
            earlier = self.plant.week(self.line_week.line, monday)
            yield earlier, earlier.units[place]

    def _first_reading(self, signal: Signal) -> int:
        """Where a counter that never resets stood when the plant's story begins."""
        rng = self.plant.random(self._equipment, signal.name, "first reading")
        return rng.randrange(2 ** (signal.bits or 16) // 2, 2 ** (signal.bits or 16))

    def _resets(self, signal: Signal) -> list[int]:
        if signal.reset == "shift":
            calendar = working_time(self.week.unit, self.line_week.monday, self.plant.first_monday)
            return [self.week.begin, *(at + _RESET_DELAY_MS for at in calendar.shift_starts)]
        restarts = [each.at for each in self.week.changes if each.state == "clearing"]
        return [self.week.begin, *restarts]

    def _measurement(self, signal: Signal) -> Series:
        """A slow wave with noise, told while the machine produces."""
        at = np.arange(self.week.begin, self.week.end, _MEASURED_EVERY_MS, dtype=np.int64)
        seed = self.plant.random(self._equipment, self.week.begin, signal.name).getrandbits(64)
        noise = np.random.default_rng(seed).standard_normal(len(at))
        drift = np.sin(at / 7_200_000) + np.cos(at / 1_900_000) / 2
        values = np.round(signal.level * (1 + 0.004 * drift + 0.006 * noise), 2)
        starts = np.array([each.at for each in self.week.changes], dtype=np.int64)
        runs = np.array([each.state in ("execute", "running") for each in self.week.changes])
        produces = runs[np.searchsorted(starts, at, side="right") - 1]
        whole = np.rint(values) if signal.scale else values
        return Series(self._equipment, signal, at[produces], whole[produces], None)

    @property
    def _equipment(self) -> str:
        return self.week.unit.equipment_id

    def _numbers(
        self, signal: Signal, at: Sequence[int] | NDArray[np.int64], values: NDArray[np.float64]
    ) -> Series:
        return Series(self._equipment, signal, np.asarray(at, dtype=np.int64), values, None)

    def _texts(
        self, signal: Signal, moments: Sequence[tuple[int, object]], texts: Sequence[str]
    ) -> Series:
        at = np.array([at for at, _ in moments], dtype=np.int64)
        return Series(self._equipment, signal, at, None, texts)


_COUNTED: dict[str, tuple[Result, ...]] = {
    "total_count": (Result.GOOD, Result.SCRAP, Result.REWORK),
    "good_count": (Result.GOOD,),
    "reject_count": (Result.SCRAP,),
    "rework_count": (Result.REWORK,),
}
MACHINE_REASONS = frozenset(
    {
        "feeder_jam",
        "sensor_fault",
        "drive_fault",
        "hydraulics",
        "tool_break",
        "robot_fault",
        "nozzle_clogged",
        "no_parts",
        "no_packaging",
    }
)
"""Reasons that machines with a reason signal tell themselves; people must code the others."""


def _running_count(at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each moment once, and how many of `at` lie at or before it."""
    moments, from_the_end = np.unique(at[::-1], return_index=True)
    return moments, len(at) - from_the_end


def _where_new(moments: list[tuple[int, _T]]) -> list[tuple[int, _T]]:
    """Only those that differ from the one before."""
    return [
        each for place, each in enumerate(moments) if not place or each[1] != moments[place - 1][1]
    ]
