"""A killed collector and a source that keeps nothing for it: what is lost is recorded as a gap.

OPC UA acknowledges before the spool has a value, and a server without history overwrites what
nobody fetched. The machine counts; whatever it counted that is not in the lake must have been
born in a gap that says so.
"""

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

import lake
from ingestion import reference
from pipelines.refresh import refresh
from tests.conftest import Mosquitto, wait_until
from tests.e2e import hardships
from tests.e2e.chain import COUNTER, Chain, running_chain
from tests.e2e.verdict import assert_balance_is_zero, assert_ledger_is_whole, last_health
from tests.failure_report import FailureReport, Kind, Result, scaled
from tests.integration.edge.opcua_plant import URI, Plant
from tests.parsed_project import share_parsed_project
from tests.plant_files import write_plant

SEED = 37
PER_SECOND = 50
_EDGE = """
site = "demo"
collector = "collector1"
[sources.counted]
kind = "opcua"
endpoint = "{endpoint}"
publishing_interval_ms = 100
[[sources.counted.nodes]]
node = "nsu={uri};s=counter"
equipment = "assembly/line1/press01"
signal = "counter"
[[sources.counted.nodes]]
node = "nsu={uri};s=StateCurrent"
equipment = "assembly/line1/press01"
signal = "StateCurrent"
"""
_SHIFTS = (("early", "06:00", "14:00"), ("late", "14:00", "22:00"), ("night", "22:00", "06:00"))
_ROUND_THE_CLOCK = "site_id,equipment_id,shift_id,weekday,starts_local,ends_local,kind\n" + "".join(
    f"demo,demo,{name},{weekday},{starts},{ends},shift\n"
    for weekday in range(1, 8)
    for name, starts, ends in _SHIFTS
)


class CountingMachine:
    """An OPC UA server without history, one variable of which counts until it is stopped.

    Attributes:
        born: When each value was born, the first being 1.
    """

    def __init__(self) -> None:
        self.born: list[datetime] = []
        self.plant = Plant()
        self._stop = threading.Event()
        self._started = threading.Event()
        self._counting = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="machine")
        self._thread.start()
        assert self._started.wait(30)

    def count(self) -> None:
        """Begin to count."""
        self._counting.set()

    def rest(self) -> int:
        """Count no further, but answer; how far it came."""
        self._counting.clear()
        return len(self.born)

    def stop(self) -> None:
        """End the server."""
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        await self.plant.start()
        await self.plant.add("counter", 0.0, born=datetime.now(UTC))
        await self.plant.add("StateCurrent", 6.0, born=datetime.now(UTC))
        self._started.set()
        while not self._stop.is_set():
            if self._counting.is_set():
                # One that is told to rest meanwhile is still counted: `born` grows first.
                self.born.append(datetime.now(UTC))
                await self.plant.write("counter", float(len(self.born)), born=self.born[-1])
            await asyncio.sleep(1 / PER_SECOND)
        await self.plant.stop()


@contextmanager
def collected_machine(home: Path, mosquitto: Mosquitto) -> Iterator[tuple[Chain, CountingMachine]]:
    """A machine that counts, and a chain that has begun to collect from it."""
    machine = CountingMachine()

    def prepare(chain: Chain) -> None:
        text = _EDGE.format(endpoint=machine.plant.endpoint, uri=URI)
        (chain.settings.home / "edge.toml").write_text(text)

    try:
        with running_chain(home, mosquitto, prepare=prepare) as chain:
            wait_until(lambda: heartbeats(chain) > 0, "a first heartbeat", 60)
            machine.count()
            wait_until(lambda: chain.committed()[2] > 0, "the first values in the lake")
            yield chain, machine
    finally:
        machine.stop()


def heartbeats(chain: Chain) -> int:
    """How many are in the lake."""
    return chain.query("select count(*) from raw.telemetry where signal = '$heartbeat'")[0][0]


def kill_collector(chain: Chain, down_s: float) -> datetime:
    """Kill it and start it again after a while; when it was killed."""
    moment = datetime.now(UTC)
    ups = chain.told("counted: up")
    chain.kill("edge")
    hardships.last(down_s)
    chain.start("edge")
    wait_until(lambda: chain.told("counted: up") > ups, "the link", 60)
    return moment


def missing(chain: Chain, machine: CountingMachine) -> dict[int, datetime]:
    """Values that the machine counted and the lake never got, after all others have come."""
    last = machine.rest()
    wait_until(lambda: chain.committed()[2] == last, "the last value", 60)
    known = heartbeats(chain)
    wait_until(lambda: heartbeats(chain) > known, "a last heartbeat", 60)
    rows = chain.query(f"select distinct value::bigint from raw.telemetry where {COUNTER}")
    arrived = {number for (number,) in rows}
    return {number: at for number, at in enumerate(machine.born, 1) if number not in arrived}


def assert_events_tell_of(chain: Chain, lost: dict[int, datetime]) -> None:
    """Between the heartbeats around the birth of each lost value the link was down."""
    events = chain.query(
        "select timezone('UTC', observed_at), signal = '$link' and value < 1 as is_down"
        " from raw.telemetry where signal = '$heartbeat' or (signal = '$link' and value < 1)"
        " order by observed_at, row_number"
    )
    for number, born in lost.items():
        following = next(place for place, event in enumerate(events) if event[0] > born)
        assert any(is_down for _, is_down in events[following - 1 : following + 1]), number


def test_what_a_killed_collector_has_missed_lies_where_its_link_was_down(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with collected_machine(tmp_path / "home", mosquitto) as (chain, machine):
        kill_collector(chain, down_s=0.5)
        lost = missing(chain, machine)

        assert lost
        assert_events_tell_of(chain, lost)
        rows, distinct, _ = chain.committed()
        # Beside the zero that was there before it counted.
        assert rows == distinct == len(machine.born) - len(lost) + 1


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_what_a_killed_collector_has_missed_is_a_gap_in_the_marts(
    mosquitto: Mosquitto, tmp_path: Path, failure_report: FailureReport
) -> None:
    kills, chance = scaled(20), random.Random(SEED)
    fault = "kill -9 of a collector with an OPC UA source whose server keeps no history"
    with collected_machine(tmp_path / "home", mosquitto) as (chain, machine):
        moments = []
        for number in range(kills):
            hardships.last(chance.uniform(1.0, 6.0))
            moments.append(kill_collector(chain, chance.uniform(0.0, 3.0)))
            failure_report.progress(fault, number + 1, kills)
        lost = missing(chain, machine)
        rows, distinct, _ = chain.committed()
        gaps = gaps_of(chain, tmp_path / "business_data")
        outside = [n for n, at in lost.items() if not any(a <= at <= b for a, b, _ in gaps)]
        failure_report.add(
            Result(
                fault=fault,
                kind=Kind.SOURCE,
                seed=SEED,
                faults=kills,
                values=len(machine.born),
                lost=len(outside),
                doubled=rows - distinct,
                lost_before=len(lost),
                gap=f'{len(gaps)} in marts.gap ("counted: starting"), each value born within one',
                flowing_again_s=chain.waits_after(moments),
                seen='`$link` down ("counted: starting") in raw.telemetry; the gap in marts.gap;'
                " its time is unknown, not idle",
            )
        )
        assert outside == []
        assert rows == distinct
        assert {cause for _, _, cause in gaps} == {"counted: starting"}
        assert_events_tell_of(chain, lost)
        chain.end("edge")
        wait_until(lambda: not last_health(chain).online, "its farewell")
        chain.end("ingest")
        assert_ledger_is_whole(chain)
        assert_balance_is_zero(chain)


def gaps_of(chain: Chain, folder: Path) -> list[tuple[datetime, datetime, str]]:
    """The machine's gaps since it was first heard, after a refresh of the marts."""
    settings = chain.settings
    share_parsed_project(settings.home)
    plant = write_plant(folder, shift_pattern=_ROUND_THE_CLOCK)
    report = reference.load(settings, plant)
    assert report.is_accepted, str(report)
    refresh(settings)
    with lake.open(settings, read_only=True) as con:
        return con.execute(
            "select timezone('UTC', started_at), timezone('UTC', ended_at), cause from marts.gap"
            " where equipment = 'assembly/line1/press01' and ended_at <= (select max(observed_at)"
            " from raw.telemetry where signal = '$heartbeat') and started_at >= (select"
            " min(observed_at) from raw.telemetry where signal = '$heartbeat')"
        ).fetchall()
