"""The demo's broker carries what the wire contract needs."""

import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from takt import batch
from takt.settings import Settings
from tests.conftest import accepts_connections, free_port, wait_until
from tests.integration.ingestion.conftest import (
    ROOT,
    START,
    FakeCollector,
    environment_of,
    ingesting,
    query,
    with_broker,
)


@pytest.fixture
def settings(lake_settings: Settings) -> Settings:
    return with_broker(lake_settings, free_port())


@pytest.fixture
def broker(settings: Settings, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with (tmp_path / "broker.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "takt", "broker"],
            env=environment_of(settings), cwd=ROOT, stdout=output, stderr=output,
        )  # fmt: skip
    wait_until(lambda: accepts_connections(settings.broker.port), "the broker to listen")
    yield process
    process.kill()
    process.wait()


def test_the_embedded_broker_carries_large_batches_and_retained_answers(
    settings: Settings, broker: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    collector = FakeCollector(settings.broker.port)
    texts = [secrets.token_hex(2_000) for _ in range(300)]
    payload = batch.encode(
        [
            batch.Sample("line1", "Text", START + n, None, text, 0, START)
            for n, text in enumerate(texts)
        ],
        1,
    )
    assert len(payload) > batch.MAX_BYTES
    with ingesting(settings, tmp_path / "ingest.log"):
        collector.send(1, payload)
        collector.wait_settled(1)
        collector.close()
        late = FakeCollector(settings.broker.port)
        wait_until(lambda: late.acks, "the retained answer")
        late.close()

    assert late.acks[0].settled_through == 1
    assert query(settings, "select count(*) from raw.telemetry") == [(300,)]
    broker.send_signal(signal.SIGTERM)
    assert broker.wait(10) == 0
