"""The plant's business data, as its ERP would export them: one CSV file a table.

Columns are those of `takt.contracts`. Of orders the files tell what an ERP knows at a given
moment: what has ended, what runs, and what is released or planned for the next days.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.simulator.plant import (
    CURRENCY,
    LABOUR_RATE,
    LINES,
    MAINTENANCE,
    REASONS,
    RUN_RATES,
    SITE_NAME,
    TIME_ZONE,
    Item,
    Line,
    WorkUnit,
)
from edge.simulator.production import Operation, Order, Plant
from edge.simulator.shifts import PATTERN, exceptions, to_datetime, week_start
from edge.simulator.signals import SIGNALS, VENDORS, Signal
from takt.contracts import TABLES

Row = dict[str, object]

ROUTE_VERSION = "1"
_COST_VERSION = "standard"
_HORIZON_MS = 3 * 86_400_000
_HOUR_MS = 3_600_000


def write_business_data(folder: Path, site: str, plant: Plant, now: int) -> list[Path]:
    """Write every table as it stands at `now` (ms); the files in the order of the contracts."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder, table, rows(site, plant, now)) for table, rows in _TABLES.items()]


def drop_orders(folder: Path, site: str, plant: Plant, now: int) -> None:
    """Write the orders as they stand at `now` (ms) and mark the folder as ready to be loaded."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in ("production_order", "order_operation"):
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
            "last_done_at": done_h and _past(plant.start + int(done_h * _HOUR_MS), now),
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
            }


def _routing_operation(_site: str, plant: Plant, _now: int) -> Iterator[Row]:
    changed_at = to_datetime(week_start(plant.first_monday + timedelta(days=7)))
    for line in LINES:
        for item in line.items:
            if item.faster_s is None:
                yield from _operations(line, item, item.cycle_s)
            else:
                yield from _operations(line, item, item.cycle_s, valid_to=changed_at)
                yield from _operations(line, item, item.faster_s, valid_from=changed_at)


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
            "route_version": ROUTE_VERSION,
            "operation_id": unit.operation_id,
            "sequence": (place + 1) * 10,
            "work_unit_id": unit.equipment_id,
            "planned_run_s_per_unit": run_s[place],
            "planned_setup_s": item.setup_s[place],
            "crew_size": 1,
            "scrap_ratio": unit.scrap_ratio,
            "cost_category_id": line.equipment_id.split("/", maxsplit=1)[0],
            "is_subcontract": False,
            "valid_from": valid_from,
            "valid_to": valid_to,
        }


def _production_order(site: str, plant: Plant, now: int) -> Iterator[Row]:
    for order in _known_orders(plant, now):
        rng = plant.random(order.production_order_id, "order desk")
        started_at = _started_at(order)
        released_at = started_at - int(rng.uniform(4, 20) * _HOUR_MS)
        due_at = (order.ended_at + int(rng.uniform(-3, 20) * _HOUR_MS)) // _HOUR_MS * _HOUR_MS
        yield {
            "production_order_id": order.production_order_id,
            "site_id": site,
            "item_id": order.item.item_id,
            "route_version": ROUTE_VERSION,
            "order_quantity": order.quantity,
            "mode": "discrete",
            "strategy": "MTS",
            "released_at": _past(released_at, now),
            "ended_at": _past(order.ended_at, now),
            "due_at": to_datetime(due_at),
            "status": _status(released_at, started_at, order.ended_at, now),
        }


def _order_operation(_site: str, plant: Plant, now: int) -> Iterator[Row]:
    for order in _known_orders(plant, now):
        for unit, operation in zip(order.line.work_units, order.operations, strict=True):
            yield {
                "production_order_id": order.production_order_id,
                "operation_id": unit.operation_id,
                "work_unit_id": unit.equipment_id,
                "started_at": _past(operation.started_at, now),
                "finished_at": _past(operation.finished_at, now),
                **_reported(operation, now),
            }


def _reported(operation: Operation, now: int) -> Row:
    if operation.finished_at is None or operation.finished_at > now:
        return {}
    names = ("good_quantity", "scrap_quantity", "rework_quantity")
    return dict(zip(names, operation.pieces, strict=True))


def _known_orders(plant: Plant, now: int) -> Iterator[Order]:
    """Orders that run after the plant's start and begin within the next days."""
    for week in plant.line_weeks(plant.start, now + _HORIZON_MS):
        for order in week.orders:
            if order.ended_at > plant.start and _started_at(order) < now + _HORIZON_MS:
                yield order


def _started_at(order: Order) -> int:
    started_at = order.operations[0].started_at
    return order.ended_at if started_at is None else started_at


def _status(released_at: int, started_at: int, ended_at: int, now: int) -> str:
    if ended_at <= now:
        return "ended"
    if started_at <= now:
        return "started"
    return "released" if released_at <= now else "created"


def _cost_version(site: str, _plant: Plant, _now: int) -> Iterator[Row]:
    yield {
        "cost_version_id": _COST_VERSION,
        "type": "standard",
        "site_id": site,
        "status": "active",
        "currency": CURRENCY,
    }


def _cost_rate(_site: str, _plant: Plant, _now: int) -> Iterator[Row]:
    for unit, machine_rate in RUN_RATES.items():
        for category, rate in (("machine", machine_rate), ("labour", LABOUR_RATE)):
            yield {
                "cost_version_id": _COST_VERSION,
                "cost_category_id": category,
                "work_unit_id": unit,
                "kind": "run",
                "rate": rate,
            }


def _past(at: int | None, now: int) -> datetime | None:
    return to_datetime(at) if at is not None and at <= now else None


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
    "production_order": _production_order,
    "order_operation": _order_operation,
    "cost_version": _cost_version,
    "cost_rate": _cost_rate,
}
