"""kill -9 of any process at any moment: nothing accepted is lost, nothing is doubled."""

import os
import signal
from pathlib import Path

import pytest

from tests.conftest import Mosquitto, wait_until
from tests.e2e.chain import (
    CountedSource,
    assert_everything_arrived_once,
    kill_at_random_moments,
    running_chain,
)
from tests.e2e.failure_report import FailureReport, Result

KILLS = int(os.environ.get("TAKT_FAULT_KILLS", "500"))
SEED = 11

VICTIMS = [
    pytest.param("ingest", "mosquitto", id="ingestion"),
    pytest.param("edge", "mosquitto", id="edge collector"),
    pytest.param("broker", "embedded", id="embedded broker"),
    pytest.param("broker", "mosquitto", id="Mosquitto"),
    pytest.param("catalog", "mosquitto", id="catalog"),
]


@pytest.mark.parametrize(("victim", "broker"), VICTIMS)
def test_three_kills_under_load_lose_and_double_nothing(
    victim: str, broker: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with running_chain(tmp_path / "home", mosquitto, broker) as chain:
        source = CountedSource(mosquitto.port, per_second=400)
        wait_until(lambda: chain.committed()[0] > 0, "the first values in the lake")

        kill_at_random_moments(chain, [victim], kills=3, seed=7, between_s=(0.3, 2.0))

        assert_everything_arrived_once(chain, source.stop())


def test_an_ingestor_that_was_paused_stands_by_when_it_wakes_up_beside_its_successor(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with running_chain(tmp_path / "home", mosquitto, "mosquitto") as chain:
        source = CountedSource(mosquitto.port, per_second=400)
        wait_until(lambda: chain.committed()[0] > 0, "the first values in the lake")
        paused = chain.child("ingest")
        paused.send(signal.SIGSTOP)
        seen = source.count

        chain.start("ingest")
        wait_until(lambda: chain.committed()[2] > seen, "the successor to commit")
        paused.send(signal.SIGCONT)
        stands_by = b"ready to take over"
        wait_until(lambda: stands_by in chain.log_file.read_bytes(), "the former owner to stand by")
        paused.end(timeout_s=10)

        assert paused.process.returncode == 0
        assert_everything_arrived_once(chain, source.stop())


@pytest.mark.parametrize("order", [("ingest", "broker", "edge"), ("edge", "ingest", "broker")])
def test_restarting_any_process_in_any_order_needs_no_manual_step(
    order: tuple[str, ...], mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with running_chain(tmp_path / "home", mosquitto, "mosquitto") as chain:
        source = CountedSource(mosquitto.port, per_second=200)
        wait_until(lambda: chain.committed()[0] > 0, "the first values in the lake")

        for name in order:
            chain.kill(name)
        for name in reversed(order):
            chain.start(name)

        assert_everything_arrived_once(chain, source.stop())


@pytest.mark.long
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_hundreds_of_kills_under_load_lose_and_double_nothing(
    broker: str, mosquitto: Mosquitto, tmp_path: Path, failure_report: FailureReport
) -> None:
    with running_chain(tmp_path / "home", mosquitto, broker) as chain:
        source = CountedSource(mosquitto.port, per_second=400)
        wait_until(lambda: chain.committed()[0] > 0, "the first values in the lake")

        victims = ["ingest", "edge", "broker", "catalog"]
        moments = kill_at_random_moments(chain, victims, KILLS, SEED, between_s=(1.0, 3.0))

        count = source.stop()
        try:
            assert_everything_arrived_once(chain, count, timeout_s=600)
        finally:
            rows, distinct, _ = chain.committed()
            failure_report.add(
                Result(
                    f"kill -9 of ingestion, collector, broker ({broker}) or catalog,"
                    " one every 1 to 3 s",
                    faults=KILLS,
                    seed=SEED,
                    values=count,
                    lost=count - distinct,
                    doubled=rows - distinct,
                    flowing_again_s=chain.waits_after(moments),
                )
            )
