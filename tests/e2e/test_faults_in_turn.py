"""Outages, stalls and slow consumers: one chain through all of them for seconds, then each long."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import Mosquitto, wait_until
from tests.e2e import hardships
from tests.e2e.chain import Chain, CountedSource, counted, running_chain
from tests.e2e.lines import Lines, laid_lines
from tests.e2e.verdict import Case, assert_everything_arrived_once, drained, reported
from tests.failure_report import SCALE, FailureReport, Kind, scaled

SEED = 17
CREDIT = 500
MEMORY_MB = 800


def test_outage_cuts_stalls_and_pauses_one_after_another_lose_and_double_nothing(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """With so little credit that a few seconds make a backlog."""
    with ExitStack() as running:
        lines = running.enter_context(laid_lines())

        def prepare(chain: Chain) -> None:
            lines.lay(chain)
            chain.variables["ingest"]["TAKT_INGESTION__CREDIT_BATCHES"] = "10"

        chain = running.enter_context(running_chain(tmp_path / "home", mosquitto, prepare=prepare))
        source = running.enter_context(counted(chain, per_second=200))

        back = hardships.broker_away(chain, seconds=8)
        assert drained(chain, source, back).is_live_first
        hardships.lines_cut(chain, lines)
        hardships.lines_stalled(lines, seconds=1)
        hardships.consumer_paused(chain, seconds=3, credit=10, is_seen=False)
        hardships.catalog_paused(chain, seconds=0, is_seen=True)

        assert_everything_arrived_once(chain, source.stop())


@contextmanager
def busy_chain(mosquitto: Mosquitto, home: Path) -> Iterator[tuple[Chain, CountedSource, Lines]]:
    """A chain of which every line can be hurt, with a source that counts."""
    with (
        laid_lines() as lines,
        running_chain(home, mosquitto, prepare=lines.lay) as chain,
        counted(chain, per_second=400) as source,
    ):
        yield chain, source, lines


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ten_minutes_without_a_broker_cost_nothing_and_the_newest_values_come_first(
    mosquitto: Mosquitto, tmp_path: Path, failure_report: FailureReport
) -> None:
    away_s = 600 * SCALE
    case = Case(f"Takt's broker down for {away_s:.0f} s", Kind.BROKER, faults=1)
    with (
        busy_chain(mosquitto, tmp_path / "home") as (chain, source, _),
        reported(failure_report, chain, source, case, timeout_s=1_200),
    ):
        back = hardships.broker_away(
            chain, away_s, lambda done: failure_report.progress(case.fault, int(done), int(away_s))
        )
        case.moments.append(back)
        drain = drained(chain, source, back)
        live_rate = source.count / (time.time() - source.began_at)
        case.measured = (
            f"{drain.rows:,} values drained at {drain.per_second:,.0f}/s,"
            f" {drain.per_second / live_rate:.0f} times the live rate; the first new value"
            f" {drain.live_after_s:.1f} s, the last old one {drain.seconds:.1f} s after its return"
        )
        case.seen = (
            '`/health` of collector and ingestion 503 "no connection to the broker"; the'
            ' collector\'s log "samples wait in the spool"; `takt_edge_spool_rows` grows'
        )
        # A shorter outage leaves no backlog to speak of.
        assert SCALE < 1 or (drain.is_live_first and drain.per_second > 5 * live_rate), drain


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_bad_network_on_every_line_costs_nothing(
    mosquitto: Mosquitto, tmp_path: Path, failure_report: FailureReport
) -> None:
    seconds = 240 * SCALE
    case = Case(
        "lines cut, stalled (let in, never heard) or slowed for 0.1 to 20 s, all three beside"
        " one another: machines' broker to collector, collector to Takt's broker, broker to"
        " ingestion",
        Kind.NETWORK,
        SEED,
    )
    with (
        busy_chain(mosquitto, tmp_path / "home") as (chain, source, lines),
        reported(failure_report, chain, source, case),
    ):
        case.moments = lines.trouble(
            SEED,
            seconds,
            lambda done: failure_report.progress("bad network, s", int(done), int(seconds)),
        )
        # Only a line that is up can be seen to stall.
        lines.heal()
        seen = source.count
        wait_until(lambda: chain.committed()[2] > seen, "values born after the trouble", 120)
        lines["machines"].stall()
        hardships.last(13)
        lines.heal()
        hardships.lines_cut(chain, lines)
        wait_until(lambda: hardships.links(chain, -1, "no data for"), "the stall to be told", 60)
        case.seen = (
            '`$link` down ("broker … is gone") and stalled ("no data for 10 s") in raw.telemetry;'
            ' `/health` 503 "no connection to the broker"'
        )


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_slow_consumer_is_waited_for_in_the_spool_and_not_in_the_broker(
    mosquitto: Mosquitto, tmp_path: Path, failure_report: FailureReport
) -> None:
    long_s, pauses = 120 * SCALE, scaled(24)
    case = Case(
        f"ingestion paused (SIGSTOP) for {long_s:.0f} s, its catalog for {long_s / 2:.0f} s, then"
        f" either for 0.5 to 8 s, {pauses} times",
        Kind.CONSUMER,
        SEED,
    )
    with (
        busy_chain(mosquitto, tmp_path / "home") as (chain, source, _),
        reported(failure_report, chain, source, case),
    ):
        chance = random.Random(SEED)
        held = [hardships.consumer_paused(chain, long_s, CREDIT, is_seen=True)]
        case.moments.append(datetime.now(UTC))
        hardships.catalog_paused(chain, long_s / 2, is_seen=True)
        case.moments.append(datetime.now(UTC))
        for pause in range(pauses):
            moment, count = hardships.paused_at_random(chain, chance, 8.0, CREDIT)
            case.moments.append(moment)
            held.append(count)
            failure_report.progress("slow consumer", pause + 1, pauses)
        memory = {name: chain.memory_mb(name) for name in ("edge", "ingest")}
        case.measured = (
            f"at most {max(held)} batches in the broker (credit {CREDIT}); memory at the end:"
            f" collector {memory['edge']:.0f} MB, ingestion {memory['ingest']:.0f} MB"
        )
        case.seen = (
            '`takt_edge_spool_rows` grows; `/health` of ingestion 503 "the lake does not answer"'
            " while its catalog stands still"
        )
        assert max(memory.values()) < MEMORY_MB, memory
