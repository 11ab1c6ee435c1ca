"""Broker to lake over a real Mosquitto, PostgreSQL and process."""

from collections.abc import Callable

from takt import batch
from takt.settings import Settings
from tests.conftest import Mosquitto, wait_until
from tests.integration.ingestion.conftest import FakeCollector, IngestionProcess, query, samples


def test_batches_land_once_despite_repeats(
    settings: Settings, ingestion: IngestionProcess, collector: FakeCollector
) -> None:
    sent = [collector.send_rows(seq, 10 * seq - 9, 10) for seq in range(1, 21)]
    collector.wait_settled(20)
    for seq, payload in enumerate(sent, start=1):
        collector.send(seq, payload)
    wait_until(
        lambda: (
            query(settings, "select sum(batches), sum(rows) from raw.transport_repeat")
            == [(20, 200)]
        ),
        "the repeats to be counted",
    )

    rows = query(settings, "select row_number, value from raw.telemetry order by row_number")
    assert rows == [(n, float(n - 1)) for n in range(1, 201)]
    ledger = query(
        settings,
        "select min(first_seq), max(last_seq), sum(rows), sum(octet_length(digests)) from raw.batch",
    )
    assert ledger == [(1, 20, 200, 320)]
