"""Ingestion among processes that come, go and stand still."""

import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lake.catalog_supervisor import CatalogHome
from takt.settings import Settings
from tests.conftest import Mosquitto, asked, free_port, wait_until
from tests.integration.ingestion.conftest import (
    FakeCollector,
    IngestionProcess,
    environment_of,
    ingesting,
    query,
    with_broker,
)


def count(settings: Settings, what: str) -> int:
    return int(query(settings, f"select count(*) from {what}")[0][0])


def test_collectors_share_the_credit(
    settings: Settings, ingestion: IngestionProcess, new_collector: Callable[..., FakeCollector]
) -> None:
    first, second = new_collector("collector1"), new_collector("collector2")
    first.report(online=True)
    wait_until(lambda: first.acks and first.acks[-1].credit_batches == 500, "the whole credit")
    second.send_rows(1, 1, 1)

    for each in (first, second):
        wait_until(lambda each=each: each.acks and each.acks[-1].credit_batches == 250, "half")


def test_health_is_kept_and_a_known_collector_is_greeted(
    settings: Settings, ingestion: IngestionProcess, collector: FakeCollector
) -> None:
    collector.report(online=True, accepted_rows=7)
    wait_until(lambda: collector.acks, "the greeting")
    collector.report(online=False, accepted_rows=7, at="2026-01-01T00:00:01Z")

    wait_until(lambda: count(settings, "raw.health") == 2, "two health rows")
    assert query(settings, "select online, accepted_rows from raw.health order by reported_at") == [
        (True, 7),
        (False, 7),
    ]
    assert collector.acks[0].settled_through == 0


def test_ingestion_does_not_load_what_only_pages_need(
    ingestion: IngestionProcess, collector: FakeCollector
) -> None:
    collector.send_rows(1, 1, 1)
    collector.wait_settled(1)

    assert ingestion.process is not None
    maps = Path(f"/proc/{ingestion.process.pid}/maps").read_text()
    assert "/pyarrow/" in maps
    assert "/pandas/" not in maps


def test_a_restarted_ingestion_names_itself_and_goes_on_where_the_ledger_ends(
    settings: Settings, ingestion: IngestionProcess, collector: FakeCollector, tmp_path: Path
) -> None:
    collector.report(online=True)
    first = collector.send_rows(1, 1, 10)
    collector.wait_settled(1)
    ingestion.send_signal(signal.SIGTERM)
    assert ingestion.wait(10) == 0

    with ingesting(settings, tmp_path / "second.log"):
        wait_until(lambda: len({ack.ingestor_id for ack in collector.acks}) == 2, "a new name")
        collector.send(1, first)
        collector.send_rows(2, 11, 10)
        collector.wait_settled(2)

    assert count(settings, "raw.telemetry") == 20


def test_a_paused_ingestion_is_superseded_then_stands_by_and_loses_nothing(
    settings: Settings, ingestion: IngestionProcess, collector: FakeCollector, tmp_path: Path
) -> None:
    collector.send_rows(1, 1, 10)
    collector.wait_settled(1)
    ingestion.send_signal(signal.SIGSTOP)
    with ingesting(settings, tmp_path / "second.log"):
        collector.send_rows(2, 11, 10)
        collector.wait_settled(2)
        ingestion.send_signal(signal.SIGCONT)
        wait_until(lambda: "ready to take over" in ingestion.log, "the former owner to stand by")
        collector.send_rows(3, 21, 10)
        collector.wait_settled(3)

    assert count(settings, "raw.telemetry") == 30


def test_what_is_settled_is_known_when_collectors_are_divided_otherwise(
    settings: Settings, new_collector: Callable[..., FakeCollector], tmp_path: Path
) -> None:
    collectors = [new_collector(f"collector{number}") for number in range(4)]
    sent: dict[str, bytes] = {}
    for place, shards in enumerate([1, 3, 2]):
        options = settings.ingestion.model_copy(update={"shards": shards})
        divided = settings.model_copy(update={"ingestion": options})
        with ingesting(divided, tmp_path / f"{shards}.log") as ingestion:
            for each in collectors:
                if place:
                    each.send(place, sent[each.name])
                sent[each.name] = each.send_rows(place + 1, 10 * place + 1, 10)
                each.wait_settled(place + 1)
            ingestion.send_signal(signal.SIGTERM)
            assert ingestion.wait(10) == 0

    assert count(settings, "raw.telemetry") == 4 * 30
    assert query(settings, "select sum(batches) from raw.transport_repeat") == [(8,)]
    fences = "select shards from raw.ingest_layout"
    assert query(settings, fences) == [(2,)]


def test_a_broker_that_comes_back_is_found_again(
    settings: Settings, ingestion: IngestionProcess, mosquitto: Mosquitto, collector: FakeCollector
) -> None:
    collector.send_rows(1, 1, 10)
    collector.wait_settled(1)
    mosquitto.kill()
    mosquitto.start()

    wait_until(collector.client.is_connected, "the collector to be back")
    before = len(collector.acks)
    wait_until(lambda: len(collector.acks) > before, "all to be greeted again")
    wait_until(lambda: collector.acks[-1].connection == 2, "the greeting of another connection")
    collector.send_rows(2, 11, 10)
    collector.wait_settled(2)


@pytest.fixture
def own_catalog(
    embedded_settings: Settings, mosquitto: Mosquitto
) -> tuple[Settings, psutil.Process]:
    """A home with a catalog that this test may stop, and the catalog's first process."""
    pid_file = CatalogHome(embedded_settings.home).data / "postmaster.pid"
    catalog = psutil.Process(int(pid_file.read_text().split()[0]))
    return with_broker(embedded_settings, mosquitto.port), catalog


def suspend(catalog: psutil.Process) -> list[psutil.Process]:
    """Make PostgreSQL stand still, connections and all."""
    processes = [catalog, *catalog.children(recursive=True)]
    for each in processes:
        each.suspend()
    return processes


def test_while_the_lake_is_away_memory_is_bounded_and_nothing_is_lost(
    own_catalog: tuple[Settings, psutil.Process], collector: FakeCollector, tmp_path: Path
) -> None:
    settings, catalog = own_catalog
    with ingesting(settings, tmp_path / "ingest.log") as ingestion:
        assert ingestion.process is not None
        collector.send_rows(1, 1, 10)
        collector.wait_settled(1)
        hanging = suspend(catalog)
        sent = {seq: collector.send_rows(seq, 10 * seq - 9, 10) for seq in range(2, 302)}
        assert psutil.Process(ingestion.process.pid).memory_info().rss < 600_000_000
        for each in hanging:
            each.kill()
        port = ingestion.metrics_port
        wait_until(lambda: asked(port, "/health")[0] == 503, "it to say that the lake is away")
        for seq, payload in sent.items():
            collector.send(seq, payload)
        collector.wait_settled(301, 60)
        wait_until(lambda: asked(port, "/health")[0] == 200, "it to be well again")
        _, figures = asked(port, "/metrics")

    assert "takt_ingestion_rows_committed_total 3010.0" in figures
    assert "takt_ingestion_shards_owned 1.0" in figures
    assert count(settings, "raw.telemetry") == 3_010


def test_sigterm_ends_it_in_ten_seconds_even_when_the_catalog_hangs(
    own_catalog: tuple[Settings, psutil.Process], collector: FakeCollector, tmp_path: Path
) -> None:
    settings, catalog = own_catalog
    with ingesting(settings, tmp_path / "ingest.log") as ingestion:
        collector.send_rows(1, 1, 10)
        collector.wait_settled(1)
        hanging = suspend(catalog)
        collector.send_rows(2, 11, 10)

        ingestion.send_signal(signal.SIGTERM)

        ingestion.wait(10)
        for each in hanging:
            each.resume()


def test_sigterm_before_the_lake_was_ever_there_is_a_clean_end(
    settings: Settings, tmp_path: Path
) -> None:
    nowhere = settings.model_copy(update={"catalog": f"postgresql://127.0.0.1:{free_port()}/takt"})
    ingestion = IngestionProcess(environment_of(nowhere), tmp_path / "ingest.log")
    ingestion.start()
    try:
        wait_until(lambda: "trying again" in ingestion.log, "it to miss the lake")
        ingestion.send_signal(signal.SIGTERM)

        assert ingestion.wait(10) == 0
        assert "Traceback" not in ingestion.log
    finally:
        ingestion.kill()


def test_what_collectors_say_of_themselves_while_a_stand_by_takes_over_is_kept(
    settings: Settings, ingestion: IngestionProcess, collector: FakeCollector, tmp_path: Path
) -> None:
    collector.report(online=True, accepted_rows=1)
    wait_until(lambda: count(settings, "raw.health") == 1, "the first health row")
    stand_by = IngestionProcess(environment_of(settings), tmp_path / "stand-by.log")
    stand_by.start()
    try:
        wait_until(lambda: "ready to take over" in stand_by.log, "the stand-by", 60)
        ingestion.kill()
        collector.report(online=False, accepted_rows=2, at="2026-01-01T00:00:01Z")
        collector.report(online=True, accepted_rows=3, at="2026-01-01T00:00:02Z")
        stand_by.wait_ready()

        wait_until(lambda: count(settings, "raw.health where accepted_rows = 3"), "the last row")
        said = query(settings, "select distinct accepted_rows, online from raw.health order by 1")
        assert said == [(1, True), (2, False), (3, True)]
    finally:
        stand_by.kill()
