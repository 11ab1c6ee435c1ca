"""What the machines say lets a reader find out what happened."""

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from edge.simulator.consumption import METER, measured
from edge.simulator.machine import Result
from edge.simulator.plant import WORK_UNITS
from edge.simulator.production import Plant
from edge.simulator.shifts import to_ms
from edge.simulator.signals import SIGNALS, VENDORS, Series, Signal, Signals
from tests.unit.simulator.conftest import END, START

BEGIN_MS, END_MS = to_ms(START), to_ms(END)
COUNTED = {
    "total_count": {Result.GOOD, Result.SCRAP, Result.REWORK},
    "good_count": {Result.GOOD},
    "reject_count": {Result.SCRAP},
    "rework_count": {Result.REWORK},
}
COUNTERS = [
    pytest.param(unit.equipment_id, signal, id=f"{unit.equipment_id}-{signal.name}")
    for unit in WORK_UNITS
    for signal in SIGNALS[unit.equipment_id]
    if signal.role in COUNTED
]


def units_counted(signal: Signal, values: list[float]) -> float:
    """Units that a reader of the counter finds, by the rules in tests/oracle/README.md."""
    if signal.mode == "cycle":
        pulses = float(len(values))
    elif signal.mode == "increment":
        pulses = sum(values)
    else:
        pulses = sum(difference(signal, before, after) for before, after in pairwise(values))
    return pulses * (signal.units_per_pulse or 1)


def difference(signal: Signal, before: float, after: float) -> float:
    if after >= before:
        return after - before
    return after - before + 2**signal.bits if signal.bits else after


def all_values(signals: Signals, equipment: str, signal: Signal) -> list[float]:
    parts = [*signals.current(BEGIN_MS), *signals.between(BEGIN_MS, END_MS)]
    return [
        value
        for part in parts
        if part.equipment_id == equipment and part.signal == signal and part.values is not None
        for value in part.values.tolist()
    ]


@pytest.mark.parametrize(("equipment", "signal"), COUNTERS)
def test_counters_tell_the_pieces_across_resets_and_rollovers(
    plant: Plant, signals: Signals, equipment: str, signal: Signal
) -> None:
    made = sum(
        int(np.isin(unit.piece_result[slice(*window)], list(COUNTED[signal.role])).sum())
        for week in plant.line_weeks(BEGIN_MS, END_MS)
        for unit in week.units
        if unit.unit.equipment_id == equipment
        for window in [np.searchsorted(unit.piece_at, (BEGIN_MS, END_MS))]
    )

    assert units_counted(signal, all_values(signals, equipment, signal)) == made > 0


def test_a_meter_counts_what_orders_took(plant: Plant, signals: Signals) -> None:
    equipment = METER.unit.equipment_id
    (meter,) = (each for each in SIGNALS[equipment] if each.role == "consumption")
    taken = [
        quantity * (1 if until == END_MS else -1)
        for week in plant.line_weeks(BEGIN_MS, END_MS)
        for until in (BEGIN_MS, END_MS)
        for quantity in measured(plant, week, until - 1).values()
    ]

    counted = units_counted(meter, all_values(signals, equipment, meter))
    assert counted > 10_000
    assert Decimal(counted) / 1_000 == sum(taken)


def test_some_counters_roll_over_and_some_reset(signals: Signals) -> None:
    drops = defaultdict(int)
    for unit in WORK_UNITS:
        for signal in SIGNALS[unit.equipment_id]:
            if signal.mode == "total":
                values = all_values(signals, unit.equipment_id, signal)
                drops[signal.bits, signal.reset] += int((np.diff(values) < 0).sum())

    assert drops[16, "never"] >= 1
    assert drops[None, "shift"] >= 40
    assert drops[None, "restart"] >= 5


def test_states_follow_the_machine(plant: Plant, signals: Signals) -> None:
    told = sum(
        len(part.at) for part in signals.between(BEGIN_MS, END_MS) if part.signal.role == "state"
    )
    changed = sum(
        before.state != after.state and BEGIN_MS <= after.at < END_MS
        for week in plant.line_weeks(BEGIN_MS, END_MS)
        for unit in week.units
        for before, after in pairwise(unit.changes)
    )

    week_starts = 2 * len(WORK_UNITS)
    assert told == changed + week_starts


def test_what_holds_at_a_moment_is_what_was_said_last_before_it(signals: Signals) -> None:
    at = (BEGIN_MS + END_MS) // 2
    said: dict[tuple[str, str], Series] = {}
    for part in signals.between(BEGIN_MS, at):
        said[part.equipment_id, part.signal.name] = part

    for current in signals.current(at):
        last = said[current.equipment_id, current.signal.name]
        expected = last.texts if last.values is None else last.values
        actual = current.texts if current.values is None else current.values
        assert actual is not None
        assert expected is not None
        assert actual[0] == expected[-1]
        assert current.at[0] == at


def test_every_state_that_is_told_has_a_raw_value_of_its_own() -> None:
    for vendor in VENDORS.values():
        assert len(set(vendor.states.values())) == len(vendor.states)


def test_half_of_the_machines_speak_opc_ua_and_half_mqtt() -> None:
    protocols = [VENDORS[unit.vendor].protocol for unit in WORK_UNITS]

    assert protocols.count("opcua") == protocols.count("mqtt") == 4
