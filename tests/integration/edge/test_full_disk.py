"""A collector whose spool can grow no further: a limit on file size stands for a full disk."""

import resource
import signal

import psutil

from tests.conftest import wait_until
from tests.integration.edge.conftest import CollectorProcess
from tests.integration.edge.test_collector_mqtt import (
    CONFIGURATION,
    CountingPublisher,
)


def test_a_full_disk_stops_reading_says_so_and_loses_nothing(mosquitto, tmp_path, peer):
    source = CONFIGURATION.format(port=mosquitto.port)
    collector = CollectorProcess(tmp_path, mosquitto.port, source)
    collector.start()
    collector.wait_connected()
    publisher = CountingPublisher(mosquitto.port, rate=500)
    wait_until(lambda: len(peer.values()) > 100, "some samples")
    folder = tmp_path / "edge" / "collector1"
    largest = max(file.stat().st_size for file in folder.iterdir())

    process = psutil.Process(collector.pid)
    process.rlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    wait_until(lambda: peer.healths[-1].spool_refuses, "the refusal in health")
    refused_at = len(peer.values())
    assert "disk says" in peer.healths[-1].spool_refuses
    process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    wait_until(lambda: len(peer.values()) > refused_at + 100, "samples again")
    sent = publisher.stop()
    wait_until(lambda: len(peer.values()) >= sent, "all samples")
    assert sorted(peer.values()) == [float(number) for number in range(sent)]
    wait_until(lambda: not peer.healths[-1].spool_refuses, "health that accepts")
    assert collector.end(signal.SIGTERM) == 0
    log = collector.log.read_text()
    assert "the spool's disk says" in log
    assert "accepts samples again" in log
    assert "Traceback" not in log
