"""Business files of the plant: equipment, calendar, signals, reasons, maintenance."""

from decimal import Decimal

from takt.contracts.columns import EQUIPMENT, VALIDITY, choice, id_column, validity
from takt.contracts.table import Column, Kind, Reference, TableContract, Type
from takt.packml import CODE_TABLES, MAPPED_VALUES

LEVELS = ("site", "area", "work_center", "work_unit")
"""ISA-95 levels from the top; a parent stands above its children."""

TABLES = (
    TableContract(
        "equipment",
        Kind.MASTER,
        "One node of a site's equipment tree, for a span of time.",
        (
            id_column("site_id", "The site.", is_required=True),
            id_column(
                "equipment_id",
                "Path below the site, e.g. assembly/line1/press01; the site row: its site_id.",
                is_required=True,
            ),
            id_column("parent_id", "equipment_id of the node above; empty for the site."),
            choice("level", LEVELS, "ISA-95 level.", is_required=True),
            id_column("name", "What people call it.", is_required=True),
            Column(
                "time_zone",
                Type.TIME_ZONE,
                "IANA time zone, e.g. Europe/Copenhagen; required for a site, else inherited.",
            ),
            *validity("this description"),
        ),
        ("site_id", "equipment_id"),
        (Reference(("site_id", "parent_id"), "equipment", ("site_id", "equipment_id")),),
        (VALIDITY,),
    ),
    TableContract(
        "shift_pattern",
        Kind.MASTER,
        "One weekly span of a shift: the shift itself, a break or planned downtime inside it.",
        (
            id_column("site_id", "The site.", is_required=True),
            id_column(
                "equipment_id",
                "Whose shift; what lies below inherits it unless it has a pattern of its own.",
                is_required=True,
            ),
            id_column("shift_id", "The shift; breaks and downtime name theirs.", is_required=True),
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
            choice(
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
        (EQUIPMENT,),
        (VALIDITY,),
    ),
    TableContract(
        "calendar_exception",
        Kind.MASTER,
        "One departure from the weekly pattern on one production date.",
        (
            id_column("site_id", "The site.", is_required=True),
            id_column(
                "equipment_id", "Whose calendar; what lies below inherits it.", is_required=True
            ),
            Column("production_date", Type.DATE, "The production date.", is_required=True),
            id_column("shift_id", "The shift; empty: every shift of the date."),
            choice(
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
        (EQUIPMENT,),
        (("starts_at", "ends_at"),),
    ),
    TableContract(
        "signal_map",
        Kind.MASTER,
        "What one signal of one piece of equipment means, for a span of time.",
        (
            id_column("site_id", "The site.", is_required=True),
            id_column("equipment_id", "The equipment that the signal is about.", is_required=True),
            id_column("signal", "The signal's name on the wire.", is_required=True),
            choice(
                "role",
                (
                    "state",
                    "operation_mode",
                    "total_count",
                    "good_count",
                    "reject_count",
                    "rework_count",
                    "cycle",
                    "consumption",
                    "order",
                    "item",
                    "operator",
                    "reason",
                    "alarm",
                    "measurement",
                ),
                "What the signal says; consumption: how much of material_item_id was used.",
                is_required=True,
            ),
            id_column(
                "material_item_id",
                "Of a consumption counter the material that it measures, in that item's unit by"
                " units_per_pulse and scale.",
            ),
            choice(
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
                "Units of product, or of material, per count, e.g. 1200 of a counter of pallets of"
                " 100 boxes of 12; empty: 1.",
                above=Decimal(0),
            ),
            Column("scale", Type.DECIMAL, "Factor for the raw number; empty: 1."),
            id_column(
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
            *validity("this meaning"),
        ),
        ("site_id", "equipment_id", "signal", "role"),
        (
            EQUIPMENT,
            Reference(("value_map_id",), "value_map", ("value_map_id",), given=CODE_TABLES),
            Reference(("material_item_id",), "item", ("item_id",)),
        ),
        (VALIDITY,),
    ),
    TableContract(
        "value_map",
        Kind.MASTER,
        "The meaning of one raw value.",
        (
            id_column("value_map_id", "The map, as signal_map names it.", is_required=True),
            id_column(
                "raw_value",
                "The value as it comes: text, or a number's shortest form.",
                is_required=True,
            ),
            choice(
                "mapped_value",
                MAPPED_VALUES,
                "PackML state, or running, idle, stopped, setup.",
                is_required=True,
            ),
            id_column(
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
            id_column("reason_id", "The reason.", is_required=True),
            id_column("parent_reason_id", "The wider reason it belongs to."),
            id_column("name", "What people call it.", is_required=True),
            choice(
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
            id_column("site_id", "The site.", is_required=True),
            id_column(
                "equipment_id",
                "The work unit, or what stands above it: it holds for each work unit below.",
                is_required=True,
            ),
            id_column(
                "rule_id",
                "The rule; at a work unit its own stands for a wider one.",
                is_required=True,
            ),
            id_column("name", "What people call it.", is_required=True),
            choice(
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
            *validity("this rule"),
        ),
        ("site_id", "equipment_id", "rule_id"),
        (EQUIPMENT,),
        (VALIDITY,),
    ),
)
