"""A whole collector in this process, whose patience can be shortened."""

import asyncio
import time
from contextlib import asynccontextmanager

from edge import configuration
from edge.collector import Collector
from edge.delivering import delivering
from tests.conftest import Mosquitto, wait_until
from tests.integration.edge.conftest import IDENTITY, AckingPeer

TOPIC = "plant/assembly/line2/pack01/Count"


@asynccontextmanager
async def collecting(mosquitto: Mosquitto, tmp_path, expected_interval_s: float):
    file = tmp_path / "edge.toml"
    file.write_text(
        'site = "demo"\ncollector = "collector1"\n'
        f'[broker]\nport = {mosquitto.port}\n[sources.line2]\nkind = "mqtt"\n'
        f'host = "127.0.0.1"\nport = {mosquitto.port}\n'
        'topic = "plant/{equipment:3}/{signal}"\nserves = ["assembly/line2/pack01"]\n'
        f"expected_interval_s = {expected_interval_s}\n"
    )
    edge = configuration.load(file)
    stop = asyncio.Event()
    async with delivering(IDENTITY, edge.spool, tmp_path / "spool.db", edge.broker) as parts:
        running = asyncio.create_task(Collector(edge, parts, tmp_path).run(stop))
        yield parts
        stop.set()
        await running


async def until(condition, what: str) -> None:
    await asyncio.to_thread(wait_until, condition, what)


def links(peer: AckingPeer) -> list[float]:
    return [row["value"] for row in peer.events("$link")]


async def test_a_source_that_is_connected_but_silent_is_stalled_whatever_it_says_otherwise(
    mosquitto, tmp_path, peer, monkeypatch
):
    monkeypatch.setattr("edge.link._MIN_SILENCE_S", 1.0)
    monkeypatch.setattr("edge.collector._WATCH_S", 0.1)
    async with collecting(mosquitto, tmp_path, expected_interval_s=0.4):
        await until(lambda: 1.0 in links(peer), "the connection")
        await asyncio.to_thread(mosquitto.publish, TOPIC, '{"value": 1}')
        await until(lambda: peer.values() == [1.0], "a sample")
        spoke_at = time.monotonic()

        await asyncio.to_thread(mosquitto.publish, TOPIC, "no JSON")
        await until(lambda: links(peer)[-1] == -1.0, "the alarm")
        # Its own patience is 1.2 s; the rest is what a busy machine may take to say it.
        assert time.monotonic() - spoke_at < 10
        await until(lambda: peer.healths[-1].sources["line2"].link == "stalled", "health")
        assert "no data for " in peer.healths[-1].sources["line2"].reason

        await asyncio.to_thread(mosquitto.publish, TOPIC, '{"value": 2}')
        await until(lambda: links(peer)[-1] == 1.0, "the end of the alarm")


async def test_a_step_of_the_wall_clock_is_recorded_and_no_sample_jumps(
    mosquitto, tmp_path, peer, monkeypatch
):
    monkeypatch.setattr("edge.collector._WATCH_S", 0.1)
    async with collecting(mosquitto, tmp_path, expected_interval_s=60):
        await until(lambda: peer.events("$clock"), "the offset at the start")
        wall = time.time_ns
        monkeypatch.setattr("edge.clock.time.time_ns", lambda: wall() + 7_200 * 10**9)
        await until(lambda: len(peer.events("$clock")) == 2, "the step")
        await asyncio.to_thread(mosquitto.publish, TOPIC, '{"value": 1}')
        await until(peer.data, "a sample")
        monkeypatch.undo()

    start, step = peer.events("$clock")
    assert start["value"] == 0.0
    assert round(step["value"]) == 7_200
    assert step["text"].startswith("offset +7200.")
    [sample] = peer.data()
    assert abs(sample["observed_at"].timestamp() - time.time()) < 60
