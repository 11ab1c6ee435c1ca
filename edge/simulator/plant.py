"""What the plant is: lines, work units, items, and what makes its machines stop.

Only facts that do not change while it runs; names and figures are invented.
"""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

SITE_NAME = "Leipzig"
TIME_ZONE = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True)
class Reason:
    """One node of the reason tree."""

    reason_id: str
    parent_reason_id: str | None
    name: str
    loss_category: str | None = None
    is_failure: bool | None = None


REASONS = (
    Reason("technical", None, "Technical fault", "availability", is_failure=True),
    Reason("feeder_jam", "technical", "Feeder jammed", "performance"),
    Reason("sensor_fault", "technical", "Sensor dirty or misaligned", "performance"),
    Reason("drive_fault", "technical", "Drive fault", "availability"),
    Reason("hydraulics", "technical", "Hydraulic pressure lost", "availability"),
    Reason("tool_break", "technical", "Tool broken", "availability"),
    Reason("robot_fault", "technical", "Robot stopped", "availability"),
    Reason("nozzle_clogged", "technical", "Nozzle clogged", "availability"),
    Reason("material", None, "Material", "availability", is_failure=False),
    Reason("no_parts", "material", "No parts from the operation before", "availability"),
    Reason("no_material", "material", "Raw material missing", "availability"),
    Reason("no_packaging", "material", "Packaging missing", "availability"),
    Reason("organisation", None, "Organisation", "availability", is_failure=False),
    Reason("operator_absent", "organisation", "Operator absent", "availability"),
    Reason("quality_release", "organisation", "Waiting for quality release", "availability"),
    Reason("process", None, "Process", "performance", is_failure=False),
    Reason("adjustment", "process", "Adjustment", "performance"),
    Reason("cleaning", "process", "Cleaning", "availability"),
    Reason("changeover", None, "Changeover", "setup"),
    Reason("defect", None, "Defect", "quality"),
    Reason("surface", "defect", "Surface damaged", "quality"),
    Reason("dimension", "defect", "Out of dimension", "quality"),
)


@dataclass(frozen=True)
class Maintenance:
    """One piece of maintenance that is due by use or by the calendar.

    Attributes:
        equipment_id: The work unit, or the line all of whose work units need it.
        rule_id: Its number.
        name: What people call it.
        per: What is counted: running_hours, cycles, starts or calendar_days.
        interval: Due after so many of them.
        last_done_h: Hours after the plant's start at which it was done last; None: never.
    """

    equipment_id: str
    rule_id: str
    name: str
    per: str
    interval: float
    last_done_h: float | None = None


MAINTENANCE = (
    Maintenance("assembly/line1", "safety", "Check of safety devices", "calendar_days", 14, 20),
    Maintenance("assembly/line1/press01", "die", "Inspect the die", "cycles", 200_000, 33),
    Maintenance("assembly/line1/press01", "hydraulics", "Change oil filter", "running_hours", 250),
    Maintenance("assembly/line1/weld01", "tips", "Dress electrode tips", "cycles", 60_000, 50),
    Maintenance("machining/line2/saw01", "blade", "Change saw blades", "cycles", 15_000, 40),
    Maintenance("machining/line2/lathe01", "chuck", "Grease the chuck", "starts", 600, 27),
    Maintenance("machining/line2/mill01", "spindle", "Check the spindle", "running_hours", 120, 30),
    Maintenance("machining/line2/wash01", "bath", "Change the bath", "calendar_days", 30),
)


CURRENCY = "EUR"
RUN_RATES = {
    "assembly/line1/press01": 85,
    "assembly/line1/weld01": 96,
    "assembly/line1/coat01": 64,
    "assembly/line1/pack01": 38,
    "machining/line2/saw01": 42,
    "machining/line2/lathe01": 78,
    "machining/line2/mill01": 92,
    "machining/line2/wash01": 31,
}
"""What an hour of each machine costs."""
LABOUR_RATES = (34, 35.5)
"""What an hour of the person at it costs: at first, and after the raise in the second week."""
HARDENING = "machining/hardening"
"""Where a vendor works: it has no machine of ours and tells no signals."""


@dataclass(frozen=True)
class Stoppage:
    """One way in which a machine stops by itself.

    Attributes:
        reason_id: Why, in the reason tree.
        state: The PackML wait state it falls into: held, suspended or aborted.
        every_s: Mean producing time between two of them, in seconds.
        typical_s: Median length, in seconds.
        spread: Standard deviation of the logarithm of the length.
    """

    reason_id: str
    state: str
    every_s: float
    typical_s: float
    spread: float = 0.7


@dataclass(frozen=True)
class WorkUnit:
    """A machine.

    Attributes:
        equipment_id: Its path below the site.
        name: What people call it.
        vendor: Key of `edge.simulator.signals.VENDORS`: what it speaks and how.
        operation_id: What it does in every route of its line.
        scrap_ratio: Share of pieces that are scrap in steady running.
        stoppages: What stops it.
        rework_ratio: Share of pieces that need rework; only where a counter tells them.
        pieces_per_cycle: Pieces that one cycle finishes at once.
        runs_through_breaks: Whether it goes on while people rest.
        has_acting_states: Whether it shows starting, holding, … or only the four plain states.
    """

    equipment_id: str
    name: str
    vendor: str
    operation_id: str
    scrap_ratio: float
    stoppages: tuple[Stoppage, ...]
    rework_ratio: float = 0.0
    pieces_per_cycle: int = 1
    runs_through_breaks: bool = False
    has_acting_states: bool = True


@dataclass(frozen=True)
class Item:
    """A product of a line.

    Attributes:
        item_id: Its number.
        name: What people call it.
        cycle_s: Ideal seconds per piece at each work unit of its line, in order.
        setup_s: Planned set-up seconds at each work unit.
        faster_s: As `cycle_s`, valid from the second week on: a changed standard.
    """

    item_id: str
    name: str
    cycle_s: tuple[float, ...]
    setup_s: tuple[float, ...]
    faster_s: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Line:
    """A work center: work units that every order passes in turn."""

    number: int
    equipment_id: str
    name: str
    area_name: str
    work_units: tuple[WorkUnit, ...]
    items: tuple[Item, ...]
    order_hours: tuple[float, float] = field(default=(2.5, 7.0))


_NO_MATERIAL = Stoppage("no_material", "suspended", 14_000, 300)
_ADJUSTMENT = Stoppage("adjustment", "held", 5_400, 95, 0.5)
_SENSOR = Stoppage("sensor_fault", "held", 3_200, 28, 0.6)
_RELEASE = Stoppage("quality_release", "held", 21_000, 420, 0.5)
_CLEANING = Stoppage("cleaning", "held", 26_000, 600, 0.3)

LINE1 = Line(
    1,
    "assembly/line1",
    "Line 1 · Brackets",
    "Assembly",
    (
        WorkUnit(
            "assembly/line1/press01",
            "Press 400 t",
            "tmc",
            "10",
            0.008,
            (
                Stoppage("feeder_jam", "held", 1_900, 42),
                _ADJUSTMENT,
                Stoppage("hydraulics", "aborted", 32_000, 1_500, 0.6),
                Stoppage("tool_break", "aborted", 70_000, 3_000, 0.4),
                _NO_MATERIAL,
            ),
        ),
        WorkUnit(
            "assembly/line1/weld01",
            "Welding cell",
            "tmc",
            "20",
            0.011,
            (_SENSOR, Stoppage("robot_fault", "aborted", 24_000, 900), _ADJUSTMENT),
            rework_ratio=0.012,
        ),
        WorkUnit(
            "assembly/line1/coat01",
            "Powder coating",
            "gateway",
            "30",
            0.006,
            (Stoppage("nozzle_clogged", "held", 11_000, 260), _CLEANING),
            runs_through_breaks=True,
            has_acting_states=False,
        ),
        WorkUnit(
            "assembly/line1/pack01",
            "Packing",
            "gateway",
            "40",
            0.002,
            (
                Stoppage("feeder_jam", "held", 2_600, 35),
                Stoppage("no_packaging", "suspended", 17_000, 380),
            ),
            has_acting_states=False,
        ),
    ),
    (
        Item("BR-110", "Bracket 110", (5.2, 5.6, 5.0, 4.6), (1_500, 900, 1_200, 420)),
        Item(
            "BR-140",
            "Bracket 140",
            (6.4, 6.8, 6.0, 5.4),
            (1_800, 900, 1_200, 420),
            faster_s=(6.2, 6.5, 6.0, 5.4),
        ),
        Item("BR-200", "Bracket 200 reinforced", (8.5, 9.2, 7.5, 6.6), (2_100, 1_200, 1_200, 480)),
        Item("HN-35", "Hinge 35", (3.4, 3.8, 3.5, 3.1), (1_500, 780, 900, 360)),
    ),
)

LINE2 = Line(
    2,
    "machining/line2",
    "Line 2 · Shafts",
    "Machining",
    (
        WorkUnit(
            "machining/line2/saw01",
            "Double saw",
            "json",
            "10",
            0.004,
            (_NO_MATERIAL, Stoppage("tool_break", "held", 30_000, 900, 0.4), _SENSOR, _RELEASE),
            pieces_per_cycle=2,
        ),
        WorkUnit(
            "machining/line2/lathe01",
            "Lathe",
            "json",
            "20",
            0.014,
            (
                Stoppage("adjustment", "held", 4_800, 110, 0.5),
                Stoppage("tool_break", "aborted", 30_000, 840, 0.5),
                _RELEASE,
            ),
        ),
        WorkUnit(
            "machining/line2/mill01",
            "Milling centre",
            "packtags",
            "30",
            0.012,
            (
                _ADJUSTMENT,
                Stoppage("drive_fault", "aborted", 60_000, 2_400, 0.6),
                Stoppage("tool_break", "aborted", 34_000, 780, 0.4),
            ),
        ),
        WorkUnit(
            "machining/line2/wash01",
            "Washer",
            "packtags",
            "40",
            0.003,
            (_SENSOR, _CLEANING),
            runs_through_breaks=True,
        ),
    ),
    (
        Item("SH-20", "Shaft 20 mm", (14.5, 13.5, 14.0, 13.0), (900, 1_800, 2_100, 300)),
        Item(
            "SH-32",
            "Shaft 32 mm",
            (20.5, 19.0, 20.0, 18.5),
            (900, 2_100, 2_400, 300),
            faster_s=(20.0, 18.6, 19.4, 18.5),
        ),
        Item("SP-45", "Spindle 45 mm", (30.0, 28.0, 29.0, 27.0), (1_200, 2_700, 3_000, 300)),
    ),
    order_hours=(4.0, 11.0),
)

LINES = (LINE1, LINE2)
WORK_UNITS = LINE1.work_units + LINE2.work_units


def line_of(unit: WorkUnit) -> Line:
    """The line that a work unit stands in."""
    return next(line for line in LINES if unit in line.work_units)
