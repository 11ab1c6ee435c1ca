"""The plant's business data, as its ERP would export them: one CSV file a table.

Belongs here: files, and the rows of what the plant is; columns are those of `takt.contracts`. Rows
of orders are in `order_data`, those of costs in `cost_data` and `periods`.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.simulator import cost_data, order_data, periods
from edge.simulator.cost_data import Row
from edge.simulator.order_data import past
from edge.simulator.plant import (
    HARDENING,
    LINES,
    MAINTENANCE,
    REASONS,
    SITE_NAME,
    TIME_ZONE,
    Item,
    Line,
    WorkUnit,
)
from edge.simulator.production import Plant
from edge.simulator.shifts import PATTERN, exceptions, to_datetime, week_start
from edge.simulator.signals import SIGNALS, VENDORS, Signal
from takt.contracts import TABLES

_HOUR_MS = 3_600_000


def write_business_data(folder: Path, site: str, plant: Plant, now: int) -> list[Path]:
    """Write every table as it stands at `now` (ms); the files in the order of the contracts."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder, table, rows(site, plant, now)) for table, rows in _TABLES.items()]


def drop_orders(folder: Path, site: str, plant: Plant, now: int) -> None:
    """Write orders and stock as they stand at `now` (ms), and mark the folder as ready to load."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in _TOLD_WITH_ORDERS:
        _write(folder, table, _TABLES[table](site, plant, now))
    (folder / "_ready").touch()


def _write(folder: Path, table: str, rows: Iterable[Row]) -> Path:
    file = folder / f"{table}.csv"
    columns = [column.name for column in TABLES[table].columns]
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _text(value) for name, value in row.items()})
    return file


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _equipment(site: str, _plant: Plant, _now: int) -> Iterator[Row]:
    top: Row = {"site_id": site, "equipment_id": site, "level": "site", "name": SITE_NAME}
    yield {**top, "time_zone": TIME_ZONE.key}
    for line in LINES:
        area = line.equipment_id.split("/", maxsplit=1)[0]
        yield _node(site, area, site, "area", line.area_name)
        yield _node(site, line.equipment_id, area, "work_center", line.name)
        for unit in line.work_units:
            yield _node(site, unit.equipment_id, line.equipment_id, "work_unit", unit.name)
    area = HARDENING.split("/", maxsplit=1)[0]
    yield _node(site, HARDENING, area, "work_center", "Hardening, at vendors")


def _node(site: str, equipment_id: str, parent_id: str, level: str, name: str) -> Row:
    return {
        "site_id": site,
        "equipment_id": equipment_id,
        "parent_id": parent_id,
        "level": level,
        "name": name,
    }


def _shift_pattern(site: str, _plant: Plant, _now: int) -> Iterator[Row]:
    for row in PATTERN:
        for weekday in row.weekdays:
            yield {
                "site_id": site,
                "equipment_id": row.equipment_id,
                "shift_id": row.shift_id,
                "weekday": weekday,
                "starts_local": f"{row.starts_local:%H:%M}",
                "ends_local": f"{row.ends_local:%H:%M}",
                "kind": row.kind,
            }


def _calendar_exception(site: str, plant: Plant, _now: int) -> Iterator[Row]:
    for row in exceptions(plant.first_monday):
        yield {
            "site_id": site,
            "equipment_id": row.equipment_id,
            "production_date": row.production_date,
            "shift_id": row.shift_id,
            "kind": row.kind,
            "starts_at": _moment(row.starts_at),
            "ends_at": _moment(row.ends_at),
        }


def _signal_map(site: str, _plant: Plant, _now: int) -> Iterator[Row]:
    for line in LINES:
        for unit in line.work_units:
            for signal in SIGNALS[unit.equipment_id]:
                yield _signal(site, unit, signal)


def _signal(site: str, unit: WorkUnit, signal: Signal) -> Row:
    return {
        "site_id": site,
        "equipment_id": unit.equipment_id,
        "signal": signal.name,
        "role": signal.role,
        "counter_mode": signal.mode,
        "counter_bits": signal.bits,
        "units_per_pulse": signal.units_per_pulse,
        "scale": signal.scale,
        "value_map_id": unit.vendor if signal.role == "state" else None,
        "material_item_id": signal.material_item_id,
    }


def _value_map(_site: str, _plant: Plant, _now: int) -> Iterator[Row]:
    for vendor_id, vendor in VENDORS.items():
        for state, raw in vendor.states.items():
            yield {"value_map_id": vendor_id, "raw_value": raw, "mapped_value": str(state)}


def _reason_code(_site: str, _plant: Plant, _now: int) -> Iterator[Row]:
    for reason in REASONS:
        yield vars(reason)


def _maintenance_rule(site: str, plant: Plant, now: int) -> Iterator[Row]:
    for rule in MAINTENANCE:
        done_h = rule.last_done_h
        yield {
            "site_id": site,
            "equipment_id": rule.equipment_id,
            "rule_id": rule.rule_id,
            "name": rule.name,
            "per": rule.per,
            "interval": rule.interval,
            "last_done_at": done_h and past(plant.start + int(done_h * _HOUR_MS), now),
        }


def _item(_site: str, _plant: Plant, _now: int) -> Iterator[Row]:
    for line in LINES:
        for item in line.items:
            yield {
                "item_id": item.item_id,
                "name": item.name,
                "unit": "pcs",
                "item_group_id": line.equipment_id.split("/", maxsplit=1)[0],
                "strategy": "MTS",
                "is_phantom": False,
                "joint_cost_method": cost_data.JOINT_COST_METHODS.get(item.item_id),
            }
    yield from cost_data.materials()


def _routing_operation(_site: str, plant: Plant, _now: int) -> Iterator[Row]:
    changed_at = to_datetime(week_start(plant.first_monday + timedelta(days=7)))
    for line in LINES:
        for item in line.items:
            if item.faster_s is None:
                yield from _operations(line, item, item.cycle_s)
            else:
                yield from _operations(line, item, item.cycle_s, valid_to=changed_at)
                yield from _operations(line, item, item.faster_s, valid_from=changed_at)
    yield from cost_data.other_operations()


def _operations(
    line: Line,
    item: Item,
    run_s: tuple[float, ...],
    *,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
) -> Iterator[Row]:
    for place, unit in enumerate(line.work_units):
        yield {
            "item_id": item.item_id,
            "route_version": cost_data.ROUTE_VERSION,
            "operation_id": unit.operation_id,
            "sequence": (place + 1) * 10,
            "work_unit_id": unit.equipment_id,
            "planned_run_s_per_unit": run_s[place],
            "planned_setup_s": item.setup_s[place],
            "crew_size": 1,
            "scrap_ratio": unit.scrap_ratio,
            "is_subcontract": False,
            "valid_from": valid_from,
            "valid_to": valid_to,
        }


def _moment(at: int | None) -> datetime | None:
    return None if at is None else to_datetime(at)


_TABLES: dict[str, Callable[[str, Plant, int], Iterator[Row]]] = {
    "equipment": _equipment,
    "shift_pattern": _shift_pattern,
    "calendar_exception": _calendar_exception,
    "value_map": _value_map,
    "signal_map": _signal_map,
    "reason_code": _reason_code,
    "maintenance_rule": _maintenance_rule,
    "item": _item,
    "routing_operation": _routing_operation,
    "production_order": order_data.production_orders,
    "order_operation": order_data.order_operations,
    "material_movement": order_data.material_movements,
    "labour_booking": order_data.labour_bookings,
    "subcontract_receipt": order_data.subcontract_receipts,
    "customer_return": order_data.customer_returns,
    "bom_line": lambda _site, _plant, _now: cost_data.bom_lines(),
    "cost_version": lambda site, plant, _now: cost_data.cost_versions(
        site, plant.start, periods.first_period(plant.first_monday)
    ),
    "cost_rate": lambda _site, plant, _now: cost_data.cost_rates(plant.first_monday),
    "item_cost": lambda _site, _plant, _now: cost_data.item_costs(),
    "overhead_formula": lambda _site, _plant, _now: cost_data.overhead_formulas(),
    "stock": lambda site, plant, now: cost_data.stock(site, plant.start, now),
    "costing_sheet": lambda _site, _plant, _now: cost_data.costing_sheet(),
    "exchange_rate": lambda _site, plant, now: periods.exchange_rates(
        plant.first_monday, to_datetime(now)
    ),
    "period": lambda _site, plant, now: periods.periods(plant.first_monday, to_datetime(now)),
}
_TOLD_WITH_ORDERS = (
    "production_order",
    "order_operation",
    "material_movement",
    "labour_booking",
    "subcontract_receipt",
    "customer_return",
    "stock",
)
