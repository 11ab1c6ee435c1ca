"""Messages of an MES about one order of the small plant, and the files that say the same."""

import json
import random
from datetime import datetime, timedelta
from typing import Any

ORDER = "1001"
PRESS = "assembly/line1/press01"
_BEGIN = datetime(2026, 3, 2, 5)


def message(kind: str, number: int, order: str = ORDER, **told: object) -> dict[str, object]:
    """The message of that number of an order, made so many minutes after its begin."""
    created_at = _BEGIN + timedelta(minutes=number)
    return {
        "message_id": f"{order}-{number}",
        "type": kind,
        "production_order_id": order,
        "created_at": f"{created_at.isoformat()}Z",
        **told,
    }


def payload(told: object) -> bytes:
    """A message as it travels."""
    return json.dumps(told).encode()


def report(number: int, good: int, order: str = ORDER, **told: object) -> dict[str, object]:
    """A report of good pieces."""
    place = {"operation_id": "press", "work_unit_id": PRESS}
    return message("report_finished", number, order, good_quantity=good, **place, **told)


def whole_order(order: str = ORDER) -> list[dict[str, object]]:
    """An order from its start to its end, by messages of every type."""
    place = {"operation_id": "press", "work_unit_id": PRESS}
    picked = [
        {"item_id": "lid", "quantity": 300, "operation_id": "press", "lot_id": "L-7"},
        {"item_id": "lid", "quantity": 12.5, "is_return": True, "movement_id": f"{order}-back"},
    ]
    worked = [
        {
            **place,
            "worker_id": "w1",
            "kind": "setup",
            "started_at": "2026-03-02T05:00:00Z",
            "finished_at": "2026-03-02T05:20:00Z",
        },
        {
            "operation_id": "press",
            "worker_id": "w2",
            "finished_at": "2026-03-02T09:00:00Z",
            "hours": 3.5,
        },
        {
            **place,
            "worker_id": "w3",
            "kind": "prevention",
            "started_at": "2026-03-02T04:00:00Z",
            "hours": 6,
        },
    ]
    return [
        message("order_start", 1, order, started_at="2026-03-02T06:00:00+01:00", **place),
        message("picking_list", 2, order, lines=picked),
        report(3, 200, order, scrap_quantity=3, error_cause="material"),
        message("route_card", 4, order, lines=worked),
        report(5, 250, order, rework_quantity=2.5, finished_at="2026-03-02T09:00:00Z"),
        message("order_end", 6, order, ended_at="2026-03-02T09:30:00Z"),
    ]


def broken(seed: int, order: str = ORDER) -> bytes:
    """A message of which something is wrong, perhaps everything; or, now and then, nothing."""
    chance = random.Random(seed)
    told: dict[str, Any] = chance.choice(whole_order(order))
    odd = ["", None, -1, 1e400, 10**30, True, [], {}, "\x00", "ü" * 99, "9999-12-31T23:59-14:00"]
    where = chance.choice(told["lines"]) if "lines" in told and chance.random() < 0.5 else told
    where[chance.choice([*where, "lines", "odd"])] = chance.choice(odd)
    sent = bytearray(payload(told))
    if chance.random() < 0.5:
        for _ in range(chance.randint(1, 5)):
            sent[chance.randrange(len(sent))] = chance.randrange(256)
    return bytes(sent[: chance.randint(0, len(sent))] if chance.random() < 0.1 else sent)


def _csv(**columns: tuple[str, ...]) -> str:
    rows = [columns.keys(), *zip(*columns.values(), strict=True)]
    return "".join(",".join(row) + "\n" for row in rows)


FILES_OF_WHOLE_ORDER = {
    "production_order": _csv(
        production_order_id=("1001",),
        site_id=("demo",),
        item_id=("cup",),
        route_version=("1",),
        order_quantity=("500",),
        ended_at=("2026-03-02T09:30:00Z",),
        status=("ended",),
    ),
    "order_operation": _csv(
        production_order_id=("1001",),
        operation_id=("press",),
        work_unit_id=(PRESS,),
        started_at=("2026-03-02T05:00:00Z",),
        finished_at=("2026-03-02T09:00:00Z",),
        good_quantity=("450",),
        scrap_quantity=("3",),
        rework_quantity=("2.5",),
    ),
    "material_movement": _csv(
        movement_id=("1001-2/1", "1001-back"),
        production_order_id=("1001", "1001"),
        operation_id=("press", ""),
        item_id=("lid", "lid"),
        lot_id=("L-7", ""),
        quantity=("300", "12.5"),
        is_return=("", "true"),
        moved_at=("2026-03-02T05:02:00Z", "2026-03-02T05:02:00Z"),
    ),
    "labour_booking": _csv(
        booking_id=("1001-4/1", "1001-4/2", "1001-4/3"),
        production_order_id=("1001", "1001", "1001"),
        operation_id=("press", "press", "press"),
        worker_id=("w1", "w2", "w3"),
        kind=("setup", "", "prevention"),
        started_at=("2026-03-02T05:00:00Z", "2026-03-02T05:30:00Z", "2026-03-02T04:00:00Z"),
        finished_at=("2026-03-02T05:20:00Z", "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"),
    ),
}
"""Of order 1001."""
