"""Somebody sets a collector's clock by two hours, again and again, while it collects.

The source gives no times of its own: its samples have those of the collector's clock.
"""

import random
from pathlib import Path

import pytest

from tests.conftest import Mosquitto, find_faketime, wait_until
from tests.e2e import hardships
from tests.e2e.chain import COUNTER, Chain, counted_undated, running_chain
from tests.e2e.verdict import Case, assert_everything_arrived_once, reported
from tests.failure_report import FailureReport, Kind, scaled

SEED = 29
JUMP_S = 7_200
PATIENCE_S = 120.0


class WallClock:
    """The clock that a chain's collector reads; the test and all others keep the real one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ahead_s = 0
        self.steps = 0
        self._show()

    def give_to(self, chain: Chain) -> None:
        """Let its collector read this clock from its start, and take its times from it."""
        chain.variables["edge"] |= {
            "LD_PRELOAD": str(find_faketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        chain.collect_undated()

    def set(self, ahead_s: int) -> None:
        """Somebody sets it."""
        self.steps += ahead_s != self._ahead_s
        self._ahead_s = ahead_s
        self._show()

    def _show(self) -> None:
        self._file.write_text(f"{self._ahead_s:+d}s")


def steps(chain: Chain) -> list[float]:
    """By how much the clock was set, as the collector recorded it."""
    rows = chain.query(
        "select value from raw.telemetry where signal = '$clock' and value <> 0 order by row_number"
    )
    return [value for (value,) in rows]


def jump(chain: Chain, clock: WallClock, ahead_s: int) -> None:
    """Set the clock and wait until that is recorded."""
    known = len(steps(chain))
    clock.set(ahead_s)
    wait_until(lambda: len(steps(chain)) > known, "the step to be recorded", PATIENCE_S)


def restart(chain: Chain) -> None:
    """Kill and start the collector; it must have looked at the clock before that is set again."""
    starts = "select count(*) from raw.telemetry where signal = '$clock' and value = 0"
    known = chain.query(starts)[0][0]
    chain.kill_and_restart("edge")
    wait_until(
        lambda: chain.query(starts)[0][0] > known, "the collector to look at the clock", PATIENCE_S
    )


def backwards(chain: Chain) -> int:
    """How often a time that the collector gave lies before the one given before it."""
    return chain.query(
        "select count(*) filter (observed_at < before) from (select observed_at,"
        " lag(observed_at) over (partition by epoch order by row_number) as before"
        f" from raw.telemetry where {COUNTER})"
    )[0][0]


def test_a_clock_that_jumps_two_hours_is_recorded_and_samples_keep_their_order(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    clock = WallClock(tmp_path / "clock")
    with (
        running_chain(tmp_path / "home", mosquitto, prepare=clock.give_to) as chain,
        counted_undated(chain, 400) as source,
    ):
        for ahead_s in (JUMP_S, -JUMP_S):
            jump(chain, clock, ahead_s)
        restart(chain)
        jump(chain, clock, 0)

        assert_everything_arrived_once(chain, source.stop())
        assert backwards(chain) == 0
        assert [round(step, -1) for step in steps(chain)] == [JUMP_S, -2 * JUMP_S, JUMP_S]


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_clock_that_jumps_again_and_again_loses_and_doubles_nothing(
    mosquitto: Mosquitto, tmp_path: Path, failure_report: FailureReport
) -> None:
    """The collector is killed and restarted now and then while its clock is right or behind.

    One that starts with a clock two hours ahead has nothing to tell that by; its samples are
    quarantined as `clock_ahead`, and replayed once somebody has looked.
    """
    jumps = scaled(40)
    clock, chance = WallClock(tmp_path / "clock"), random.Random(SEED)
    case = Case(
        "the collector's clock set by 2 or 4 h, ahead, back or right, also over its kill -9",
        Kind.CLOCK,
        SEED,
    )
    with (
        running_chain(tmp_path / "home", mosquitto, prepare=clock.give_to) as chain,
        counted_undated(chain, 200) as source,
        reported(failure_report, chain, source, case),
    ):
        ahead_s = 0
        for number in range(jumps):
            ahead_s = chance.choice([s for s in (-JUMP_S, 0, JUMP_S) if s != ahead_s])
            jump(chain, clock, ahead_s)
            case.faults += 1
            if ahead_s <= 0 and chance.random() < 0.2:
                restart(chain)
            hardships.last(chance.uniform(0.2, 2.0))
            failure_report.progress("clock jumps", number + 1, jumps)
        case.measured = assert_in_order(chain, clock)
        case.seen = (
            '`$clock` with each step in raw.telemetry; in the log "the clock was set by'
            ' +7200.0… s; samples keep the old time"'
        )
        assert chain.says("samples keep the old time")


def assert_in_order(chain: Chain, clock: WallClock) -> str:
    """Every step is recorded, and no time went back; in words."""
    recorded = len(steps(chain))
    assert recorded == clock.steps
    assert backwards(chain) == 0
    return f"{recorded} steps recorded; times without a source time never went back"
