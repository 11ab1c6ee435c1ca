"""A process says how it is to whoever asks over HTTP."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client import Counter

from takt import metrics
from tests.conftest import free_port

SEEN = Counter("takt_test_seen", "Things that a test has seen.")


@contextmanager
def answering(ailment: metrics.Ailment = str) -> Iterator[str]:
    port = free_port()
    server = metrics.serve(port, ailment)
    assert server is not None
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    server.server_close()


def test_what_was_counted_can_be_scraped() -> None:
    SEEN.inc(3)

    with answering() as address, urlopen(f"{address}/metrics") as answer:
        lines = answer.read().decode().splitlines()

    assert "takt_test_seen_total 3.0" in lines


def test_a_process_that_is_well_is_ok() -> None:
    with answering() as address, urlopen(f"{address}/health") as answer:
        assert (answer.status, json.load(answer)) == (200, {"status": "ok"})


def test_one_that_is_not_says_what_is_wrong() -> None:
    with (
        answering(lambda: "the lake does not answer") as address,
        pytest.raises(HTTPError) as told,
    ):
        urlopen(f"{address}/health")

    assert told.value.code == 503
    assert json.load(told.value) == {"status": "the lake does not answer"}


def test_a_port_that_is_taken_is_a_warning_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert metrics.serve(port) is None

    assert f"port {port} cannot be used" in caplog.text


def test_without_a_port_nothing_listens() -> None:
    assert metrics.serve(None) is None
