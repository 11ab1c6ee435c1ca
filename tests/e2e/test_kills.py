"""kill -9 of any process at any moment: nothing accepted is lost, nothing is doubled."""

import os
import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import Mosquitto, wait_until
from tests.e2e import hardships
from tests.e2e.chain import Chain, counted, counted_undated, running_chain
from tests.e2e.verdict import Case, assert_everything_arrived_once, reported
from tests.failure_report import FailureReport, Kind, scaled

KILLS = int(os.environ.get("TAKT_FAULT_KILLS") or scaled(500))
EVERY_S = (1.0, 2.5)
SEED = 11


def kill_at_random_moments(
    chain: Chain,
    victims: list[str],
    *,
    kills: int,
    seed: int,
    every_s: tuple[float, float],
    killed: Callable[[datetime], object] = lambda _: None,
) -> None:
    """Kill and restart a random victim, again and again; `killed` is told when that was."""
    chance = random.Random(seed)
    due_at = time.monotonic()
    for _ in range(kills):
        # From kill to kill; the pause is the fault's moment, not a wait for something to happen.
        due_at = max(time.monotonic(), due_at + chance.uniform(*every_s))
        time.sleep(max(0.0, due_at - time.monotonic()))
        killed(datetime.now(UTC))
        chain.kill_and_restart(chance.choice(victims))


@pytest.mark.parametrize(
    ("broker", "victims"),
    [("mosquitto", ["ingest", "edge", "broker", "catalog"]), ("embedded", ["broker"])],
)
def test_three_kills_of_each_process_under_load_lose_and_double_nothing(
    broker: str, victims: list[str], mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with (
        running_chain(tmp_path / "home", mosquitto, broker) as chain,
        counted(chain, per_second=400) as source,
    ):
        for victim in victims:
            kill_at_random_moments(chain, [victim], kills=3, seed=7, every_s=(0.3, 2.0))

        assert_everything_arrived_once(chain, source.stop())


def test_kills_of_the_collector_double_nothing_that_has_no_time_of_its_own(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with (
        running_chain(tmp_path / "home", mosquitto, prepare=Chain.collect_undated) as chain,
        counted_undated(chain, per_second=800) as source,
    ):
        kill_at_random_moments(chain, ["edge"], kills=5, seed=7, every_s=(0.3, 1.5))

        assert_everything_arrived_once(chain, source.stop())


def test_an_ingestor_that_was_paused_stands_by_when_it_wakes_up_beside_its_successor(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with (
        running_chain(tmp_path / "home", mosquitto) as chain,
        counted(chain, per_second=400) as source,
    ):
        paused = chain.child("ingest")
        paused.send(signal.SIGSTOP)
        seen = source.count

        chain.start("ingest")
        wait_until(lambda: chain.committed()[2] > seen, "the successor to commit")
        paused.send(signal.SIGCONT)
        wait_until(lambda: chain.says("ready to take over"), "the former owner to stand by")
        paused.end(timeout_s=10)

        assert paused.process.returncode == 0
        assert_everything_arrived_once(chain, source.stop())


def test_restarting_any_process_in_any_order_needs_no_manual_step(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with (
        running_chain(tmp_path / "home", mosquitto) as chain,
        counted(chain, per_second=200) as source,
    ):
        for order in (("ingest", "broker", "edge"), ("edge", "ingest", "broker")):
            for name in order:
                chain.kill(name)
            for name in reversed(order):
                chain.start(name)

        assert_everything_arrived_once(chain, source.stop())


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_hundreds_of_kills_under_load_lose_and_double_nothing(
    broker: str, mosquitto: Mosquitto, tmp_path: Path, failure_report: FailureReport
) -> None:
    case = Case(
        f"kill -9 of ingestion, collector, Takt's broker ({broker}) or catalog, one every"
        f" {EVERY_S[0]:g} to {EVERY_S[1]:g} s",
        Kind.KILL,
        SEED,
    )

    def killed(moment: datetime) -> None:
        case.moments.append(moment)
        failure_report.progress(case.fault, len(case.moments), KILLS)

    with (
        running_chain(tmp_path / "home", mosquitto, broker) as chain,
        counted(chain, per_second=400) as source,
        reported(failure_report, chain, source, case, timeout_s=600),
    ):
        kill_at_random_moments(
            chain,
            ["ingest", "edge", "broker", "catalog"],
            kills=KILLS,
            seed=SEED,
            every_s=EVERY_S,
            killed=killed,
        )
        assert_seen(chain, case)


SEEN = (
    ("broker", "samples wait in the spool"),
    ("broker", "no connection to the broker"),
    ("catalog", "the lake cannot be used"),
)


def assert_seen(chain: Chain, case: Case) -> None:
    """Each kind of death is named in the log, and a killed collector is a break of its link."""
    for name in ("edge", "ingest"):
        wait_until(lambda name=name: is_well(chain, name), f"{name} to be well", 120)
    for victim, words in SEEN:
        # So few kills may have found nobody who would have missed the victim.
        for _ in range(5):
            if chain.says(words):
                break
            chain.kill(victim)
            hardships.last(2.0)
            if victim != "catalog":
                chain.start(victim)
        assert chain.says(words), words
    wait_until(lambda: hardships.links(chain, 0, "starting"), "the link that was down")
    case.seen = (
        '`$link` down ("counted: starting") in raw.telemetry at each collector\'s start; in the log'
        ' "samples wait in the spool", "no connection to the broker", "the lake cannot be used"'
    )


def is_well(chain: Chain, name: str) -> bool:
    """Whether a process answers, and that it is."""
    try:
        return chain.health(name) == "ok"
    except OSError:
        return False  # it has just been started
