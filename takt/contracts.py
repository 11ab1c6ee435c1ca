"""What business files look like: one declarative contract per table, nothing that reads them.

A file is named after its table (`equipment.csv`, `.parquet` or `.xlsx`) and has its columns.
Master data: a file states the whole table. Transactions: a file's rows replace those of equal
key. The lake keeps each table as `reference.<table>`: these columns + `LOAD_COLUMNS`.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from takt.packml import CODE_TABLES, MAPPED_VALUES


class Kind(StrEnum):
    """How a file relates to what is loaded already."""

    MASTER = "master"
    """A file states the whole table; what it leaves out is closed."""
    TRANSACTION = "transaction"
    """A file adds rows or replaces those of equal key; what it leaves out stays."""


class Type(StrEnum):
    """What a value means; its DuckDB type is `Column.duckdb_type`."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    """An instant: ISO 8601; without an offset it is UTC."""
    LOCAL_TIME = "local time"
    """A time of day in the site's time zone: HH:MM or HH:MM:SS."""
    TIME_ZONE = "time zone"
    """An IANA name such as Europe/Copenhagen."""


_DUCKDB_TYPES = {
    Type.TEXT: "VARCHAR",
    Type.INTEGER: "BIGINT",
    Type.DECIMAL: "DECIMAL(18,6)",
    Type.BOOLEAN: "BOOLEAN",
    Type.DATE: "DATE",
    Type.TIMESTAMP: "TIMESTAMP",
    Type.LOCAL_TIME: "TIME",
    Type.TIME_ZONE: "VARCHAR",
}

LOAD_COLUMNS = {"load_id": "VARCHAR", "loaded_at": "TIMESTAMP", "closed_at": "TIMESTAMP"}
"""What a load adds to each row, with DuckDB types; `closed_at` is null for current rows."""


@dataclass(frozen=True)
class Column:
    """One column of a business file.

    Attributes:
        name: As in the file's header and in the lake.
        type: What its values mean.
        description: Meaning and unit, for people.
        is_required: Whether each row must have a value; other columns may be left out altogether.
        allowed: The only legal values; empty when any will do.
        minimum: Smallest legal number.
        maximum: Largest legal number.
        above: Every legal number is greater than this.
    """

    name: str
    type: Type
    description: str
    is_required: bool = False
    allowed: tuple[str, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    above: Decimal | None = None

    @property
    def duckdb_type(self) -> str:
        """The column's type in the lake."""
        return _DUCKDB_TYPES[self.type]

    @property
    def meaning(self) -> str:
        """The description with the values that are legal."""
        allowed = f"One of: {', '.join(self.allowed)}." if self.allowed else ""
        bounds = {"at least": self.minimum, "at most": self.maximum, "more than": self.above}
        limits = [f"{word} {bound}" for word, bound in bounds.items() if bound is not None]
        limit = f"{', '.join(limits).capitalize()}." if limits else ""
        return " ".join(filter(None, (self.description, allowed, limit)))


@dataclass(frozen=True)
class Reference:
    """Values of `columns`, unless one is null, must stand in `to_columns` of `table`.

    Those `given` need not: they are there without a file.
    """

    columns: tuple[str, ...]
    table: str
    to_columns: tuple[str, ...]
    given: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableContract:
    """One business table.

    Attributes:
        name: Of the file (without ending) and of the table in schema `reference`.
        kind: Master data or transactions.
        description: What one row is.
        columns: In the order of the documentation; a file may order them otherwise.
        key: Unique among current rows; when effective-dated, unique at each moment.
        references: What must exist in the same folder or be loaded.
        spans: Pairs (start, end) of columns; the start lies before the end.
    """

    name: str
    kind: Kind
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: tuple[Reference, ...] = ()
    spans: tuple[tuple[str, str], ...] = ()

    @property
    def is_effective_dated(self) -> bool:
        """Whether rows hold from `valid_from` to before `valid_to`; null is unbounded."""
        return ("valid_from", "valid_to") in self.spans

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: There is none.
        """
        return next(column for column in self.columns if column.name == name)


def _id(name: str, description: str, *, is_required: bool = False) -> Column:
    return Column(name, Type.TEXT, description, is_required=is_required)


def _choice(name: str, allowed: tuple[str, ...], description: str, *, is_required: bool) -> Column:
    return Column(name, Type.TEXT, description, is_required=is_required, allowed=allowed)


def _quantity(name: str, description: str, *, is_required: bool = False) -> Column:
    return Column(name, Type.DECIMAL, description, is_required=is_required, minimum=Decimal(0))


def _validity(of_what: str) -> tuple[Column, Column]:
    return (
        Column("valid_from", Type.TIMESTAMP, f"First moment of {of_what}, UTC; empty: since ever."),
        Column(
            "valid_to", Type.TIMESTAMP, f"First moment after {of_what}, UTC; empty: until further."
        ),
    )


_VALIDITY = ("valid_from", "valid_to")
_EQUIPMENT = Reference(("site_id", "equipment_id"), "equipment", ("site_id", "equipment_id"))
_WORK_UNIT = Reference(("work_unit_id",), "equipment", ("equipment_id",))
_ITEM = Reference(("item_id",), "item", ("item_id",))
_ORDER = Reference(("production_order_id",), "production_order", ("production_order_id",))

LEVELS = ("site", "area", "work_center", "work_unit")
"""ISA-95 levels from the top; a parent stands above its children."""

_TABLES = (
    TableContract(
        "equipment",
        Kind.MASTER,
        "One node of a site's equipment tree, for a span of time.",
        (
            _id("site_id", "The site.", is_required=True),
            _id(
                "equipment_id",
                "Path below the site, e.g. assembly/line1/press01; the site row: its site_id.",
                is_required=True,
            ),
            _id("parent_id", "equipment_id of the node above; empty for the site."),
            _choice("level", LEVELS, "ISA-95 level.", is_required=True),
            _id("name", "What people call it.", is_required=True),
            Column(
                "time_zone",
                Type.TIME_ZONE,
                "IANA time zone, e.g. Europe/Copenhagen; required for a site, else inherited.",
            ),
            *_validity("this description"),
        ),
        ("site_id", "equipment_id"),
        (Reference(("site_id", "parent_id"), "equipment", ("site_id", "equipment_id")),),
        (_VALIDITY,),
    ),
    TableContract(
        "shift_pattern",
        Kind.MASTER,
        "One weekly span of a shift: the shift itself, a break or planned downtime inside it.",
        (
            _id("site_id", "The site.", is_required=True),
            _id(
                "equipment_id",
                "Whose shift; what lies below inherits it unless it has a pattern of its own.",
                is_required=True,
            ),
            _id("shift_id", "The shift; breaks and downtime name theirs.", is_required=True),
            Column(
                "weekday",
                Type.INTEGER,
                "Weekday of the production date, which is the day the shift starts: 1 Monday … 7;"
                " spans after midnight keep their shift's weekday.",
                is_required=True,
                minimum=Decimal(1),
                maximum=Decimal(7),
            ),
            Column(
                "starts_local",
                Type.LOCAL_TIME,
                "Start, time of day in the site's time zone.",
                is_required=True,
            ),
            Column(
                "ends_local",
                Type.LOCAL_TIME,
                "End, time of day in the site's time zone; not after the start: on the next day.",
                is_required=True,
            ),
            _choice(
                "kind",
                ("shift", "break", "planned_downtime"),
                "What the span is.",
                is_required=True,
            ),
            Column(
                "valid_from",
                Type.DATE,
                "First production date of the pattern; empty: since ever.",
            ),
            Column(
                "valid_to",
                Type.DATE,
                "First production date after the pattern; empty: until further.",
            ),
        ),
        ("site_id", "equipment_id", "shift_id", "weekday", "kind", "starts_local"),
        (_EQUIPMENT,),
        (_VALIDITY,),
    ),
    TableContract(
        "calendar_exception",
        Kind.MASTER,
        "One departure from the weekly pattern on one production date.",
        (
            _id("site_id", "The site.", is_required=True),
            _id("equipment_id", "Whose calendar; what lies below inherits it.", is_required=True),
            Column("production_date", Type.DATE, "The production date.", is_required=True),
            _id("shift_id", "The shift; empty: every shift of the date."),
            _choice(
                "kind",
                ("holiday", "overtime", "planned_downtime", "changed_shift"),
                "holiday: not scheduled; overtime: an extra shift; planned_downtime: inside a"
                " shift; changed_shift: other times for shift_id.",
                is_required=True,
            ),
            Column("starts_at", Type.TIMESTAMP, "Start, UTC; only a holiday may leave it empty."),
            Column("ends_at", Type.TIMESTAMP, "End, UTC; only a holiday may leave it empty."),
        ),
        ("site_id", "equipment_id", "production_date", "shift_id", "kind", "starts_at"),
        (_EQUIPMENT,),
        (("starts_at", "ends_at"),),
    ),
    TableContract(
        "signal_map",
        Kind.MASTER,
        "What one signal of one piece of equipment means, for a span of time.",
        (
            _id("site_id", "The site.", is_required=True),
            _id("equipment_id", "The equipment that the signal is about.", is_required=True),
            _id("signal", "The signal's name on the wire.", is_required=True),
            _choice(
                "role",
                (
                    "state",
                    "operation_mode",
                    "total_count",
                    "good_count",
                    "reject_count",
                    "rework_count",
                    "cycle",
                    "order",
                    "item",
                    "operator",
                    "reason",
                    "alarm",
                    "measurement",
                ),
                "What the signal says.",
                is_required=True,
            ),
            _choice(
                "counter_mode",
                ("total", "increment", "cycle"),
                "How a count is told: running total, units since the last sample, one sample a"
                " cycle; empty: total.",
                is_required=False,
            ),
            Column(
                "counter_bits",
                Type.INTEGER,
                "Width of the counter in bits: it rolls over at 2^bits; empty: it never does.",
                minimum=Decimal(1),
                maximum=Decimal(64),
            ),
            Column(
                "units_per_pulse",
                Type.DECIMAL,
                "Units of product per count; empty: 1.",
                above=Decimal(0),
            ),
            Column("scale", Type.DECIMAL, "Factor for the raw number; empty: 1."),
            _id(
                "value_map_id",
                "Translation of a state signal's raw values: one of value_map, or packml (numbers"
                " of PackML's StateCurrent) or tmc (those of OPC 30060), which need no file.",
            ),
            Column(
                "pulse_gap_cycles",
                Type.DECIMAL,
                "Of a counter at a work unit without a state signal: after so many ideal cycles"
                " without a pulse it is stopped; empty: 3.",
                above=Decimal(0),
            ),
            *_validity("this meaning"),
        ),
        ("site_id", "equipment_id", "signal", "role"),
        (
            _EQUIPMENT,
            Reference(("value_map_id",), "value_map", ("value_map_id",), given=CODE_TABLES),
        ),
        (_VALIDITY,),
    ),
    TableContract(
        "value_map",
        Kind.MASTER,
        "The meaning of one raw value.",
        (
            _id("value_map_id", "The map, as signal_map names it.", is_required=True),
            _id(
                "raw_value",
                "The value as it comes: text, or a number's shortest form.",
                is_required=True,
            ),
            _choice(
                "mapped_value",
                MAPPED_VALUES,
                "PackML state, or running, idle, stopped, setup.",
                is_required=True,
            ),
            _id(
                "operation_mode",
                "The raw value of the operation mode signal with which this holds; empty: any.",
            ),
        ),
        ("value_map_id", "raw_value", "operation_mode"),
    ),
    TableContract(
        "reason_code",
        Kind.MASTER,
        "One reason for a stop or a reject, in a tree.",
        (
            _id("reason_id", "The reason.", is_required=True),
            _id("parent_reason_id", "The wider reason it belongs to."),
            _id("name", "What people call it.", is_required=True),
            _choice(
                "loss_category",
                ("availability", "performance", "quality", "setup", "uncovered"),
                "Which loss it counts as.",
                is_required=False,
            ),
            Column(
                "is_failure",
                Type.BOOLEAN,
                "Whether a stop for it is a failure of the machine; empty: as the wider reason"
                " says, without one an internal stop whose loss is availability is.",
            ),
        ),
        ("reason_id",),
        (Reference(("parent_reason_id",), "reason_code", ("reason_id",)),),
    ),
    TableContract(
        "maintenance_rule",
        Kind.MASTER,
        "One maintenance of equipment, due by its use or by the calendar, for a span of time.",
        (
            _id("site_id", "The site.", is_required=True),
            _id(
                "equipment_id",
                "The work unit, or what stands above it: it holds for each work unit below.",
                is_required=True,
            ),
            _id(
                "rule_id",
                "The rule; at a work unit its own stands for a wider one.",
                is_required=True,
            ),
            _id("name", "What people call it.", is_required=True),
            _choice(
                "per",
                ("running_hours", "cycles", "starts", "calendar_days"),
                "What is counted: hours of production, machine cycles, starts, or days.",
                is_required=True,
            ),
            Column(
                "interval",
                Type.DECIMAL,
                "Due after so many of them.",
                is_required=True,
                above=Decimal(0),
            ),
            Column(
                "last_done_at",
                Type.TIMESTAMP,
                "When it was done last, UTC: counted from there; empty: from the first data.",
            ),
            *_validity("this rule"),
        ),
        ("site_id", "equipment_id", "rule_id"),
        (_EQUIPMENT,),
        (_VALIDITY,),
    ),
    TableContract(
        "item",
        Kind.MASTER,
        "One thing that is made, bought or used.",
        (
            _id("item_id", "The item.", is_required=True),
            _id("name", "What people call it.", is_required=True),
            _id("unit", "The unit that its quantities count, e.g. pcs, kg.", is_required=True),
            _id("item_group_id", "Its group in sales and purchasing."),
            _id("cost_group_id", "Its group in product costing."),
            _id("strategy", "Production strategy: MTS, ATO, CTO, MTO or ETO."),
            Column("is_phantom", Type.BOOLEAN, "Whether it is never stocked; empty: false."),
        ),
        ("item_id",),
    ),
    TableContract(
        "routing_operation",
        Kind.MASTER,
        "One operation of one version of an item's route, for a span of time.",
        (
            _id("item_id", "The item made.", is_required=True),
            _id("route_version", "The version of its route.", is_required=True),
            _id("operation_id", "The operation.", is_required=True),
            Column(
                "sequence",
                Type.INTEGER,
                "Its place in the route, ascending.",
                is_required=True,
                minimum=Decimal(0),
            ),
            _id("work_unit_id", "equipment_id of the work unit; empty: any."),
            _quantity("planned_run_s_per_unit", "Planned run time per unit, in seconds."),
            _quantity("planned_setup_s", "Planned setup time per order, in seconds."),
            _quantity("crew_size", "Workers at the operation."),
            Column(
                "scrap_ratio",
                Type.DECIMAL,
                "Planned scrap per unit started, 0 to 1.",
                minimum=Decimal(0),
                maximum=Decimal(1),
            ),
            _id("cost_category_id", "The category that prices its hours."),
            Column("is_subcontract", Type.BOOLEAN, "Whether a vendor does it; empty: false."),
            *_validity("this operation"),
        ),
        ("item_id", "route_version", "operation_id", "work_unit_id"),
        (_ITEM, _WORK_UNIT),
        (_VALIDITY,),
    ),
    TableContract(
        "production_order",
        Kind.TRANSACTION,
        "One order to make a quantity of one item.",
        (
            _id("production_order_id", "The order.", is_required=True),
            _id("site_id", "The site that makes it.", is_required=True),
            _id("item_id", "The item made.", is_required=True),
            _id("bom_version", "Version of the bill of material."),
            _id("route_version", "Version of the route."),
            _quantity("order_quantity", "Quantity ordered, in the item's unit.", is_required=True),
            _id("mode", "Production mode: discrete, process, lean, project or mixed."),
            _id("strategy", "Production strategy: MTS, ATO, CTO, MTO or ETO."),
            _id("cost_version_id", "Costing version that holds its standard cost."),
            Column("released_at", Type.TIMESTAMP, "When it was released, UTC."),
            Column("ended_at", Type.TIMESTAMP, "When it was ended, UTC."),
            Column("due_at", Type.TIMESTAMP, "When it is due, UTC."),
            _id("status", "Where it stands: created, released, started, finished, ended …"),
        ),
        ("production_order_id",),
        (
            Reference(("site_id",), "equipment", ("site_id",)),
            _ITEM,
            Reference(
                ("item_id", "route_version"), "routing_operation", ("item_id", "route_version")
            ),
        ),
        (("released_at", "ended_at"),),
    ),
    TableContract(
        "order_operation",
        Kind.TRANSACTION,
        "One operation of an order on one work unit: when it ran and what came out.",
        (
            _id("production_order_id", "The order.", is_required=True),
            _id("operation_id", "The operation, as in the route.", is_required=True),
            _id("work_unit_id", "equipment_id of the work unit.", is_required=True),
            Column("started_at", Type.TIMESTAMP, "Start, UTC; empty: not yet."),
            Column("finished_at", Type.TIMESTAMP, "End, UTC; empty: not yet."),
            _quantity("good_quantity", "Good quantity reported, in the item's unit."),
            _quantity("scrap_quantity", "Scrap reported, in the item's unit."),
            _quantity("rework_quantity", "Rework reported, in the item's unit."),
        ),
        ("production_order_id", "operation_id", "work_unit_id"),
        (_ORDER, _WORK_UNIT),
        (("started_at", "finished_at"),),
    ),
    TableContract(
        "cost_version",
        Kind.MASTER,
        "One set of costs; of the active standard versions of a site the latest begun one counts.",
        (
            _id("cost_version_id", "The costing version.", is_required=True),
            _choice("type", ("standard", "planned"), "What it is for.", is_required=True),
            _id("site_id", "The site whose costs it holds.", is_required=True),
            Column("valid_from", Type.TIMESTAMP, "When it begins to count, UTC; empty: ever."),
            _choice("status", ("pending", "active"), "Only active ones count.", is_required=True),
            _id("fallback_version_id", "Where a cost is looked up that it lacks."),
            _id("currency", "Currency of its amounts, ISO 4217, e.g. EUR.", is_required=True),
        ),
        ("cost_version_id",),
        (
            Reference(("site_id",), "equipment", ("site_id",)),
            Reference(("fallback_version_id",), "cost_version", ("cost_version_id",)),
        ),
    ),
    TableContract(
        "cost_rate",
        Kind.MASTER,
        "What an hour or a unit costs at a work unit; rates of several categories add up.",
        (
            _id("cost_version_id", "The costing version.", is_required=True),
            _id("cost_category_id", "What is paid for: machine, labour …"),
            _id("work_unit_id", "equipment_id of the work unit; empty: any."),
            _choice("kind", ("setup", "run", "quantity"), "What is priced.", is_required=True),
            Column(
                "rate",
                Type.DECIMAL,
                "Per hour of setup or run, per unit of quantity, in the version's currency.",
                is_required=True,
                minimum=Decimal(0),
            ),
            Column("valid_from", Type.TIMESTAMP, "When it begins to count, UTC; empty: ever."),
        ),
        ("cost_version_id", "cost_category_id", "work_unit_id", "kind", "valid_from"),
        (Reference(("cost_version_id",), "cost_version", ("cost_version_id",)), _WORK_UNIT),
    ),
)

TABLES = {table.name: table for table in _TABLES}
"""Every business table by name, each after those it refers to where that is possible."""
