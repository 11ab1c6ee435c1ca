"""An MQTT source in this process, where a spool can be made to refuse."""

import asyncio
import time

import pytest

from edge.clock import Clock
from edge.configuration import MqttSource
from edge.link import Link
from edge.mqtt_source import MqttCollector
from edge.spool import Delivery, SpoolFullError
from tests.conftest import Mosquitto

WAIT_S = 20


class Refusing:
    """Takes deliveries, but refuses the first equipment it is told of a few times."""

    def __init__(self, times: int) -> None:
        self.refusals_left = times
        self.values: list[float | None] = []
        self.arrived = asyncio.Event()

    async def learned(self, _source: str, _equipment: str) -> None:
        if self.refusals_left:
            self.refusals_left -= 1
            raise SpoolFullError("the spool's disk says no")

    async def put(self, delivery: Delivery) -> None:
        self.values += [s.value for s in delivery.samples if not s.signal.startswith("$")]
        if delivery.accepted is not None:
            delivery.accepted()
        if self.values:
            self.arrived.set()


async def test_messages_that_the_spool_refused_take_no_room_for_ever(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.mqtt_source.MAX_WAITING", 1)
    spool, clock = Refusing(times=2), Clock()
    link = Link(
        "line2", (), expected_interval_s=60, clock=clock, put=spool.put, changed=lambda: None
    )
    source = MqttSource(
        kind="mqtt",
        host="127.0.0.1",
        port=mosquitto.port,
        topic="plant/{equipment:3}/{signal}",
        timestamp="t",
        timestamp_unit="s",
    )
    collector = MqttCollector(
        "line2", source, "test", link=link, clock=clock, put=spool.put, learned=spool.learned
    )
    task = asyncio.create_task(collector.run())
    deadline = time.monotonic() + WAIT_S
    while link.health.link != "up":
        assert time.monotonic() < deadline, "the source never came up"
        await asyncio.sleep(0.01)

    await asyncio.to_thread(
        mosquitto.publish, "plant/assembly/line2/pack01/Count", '{"value": 7, "t": 1700000000}'
    )

    await asyncio.wait_for(spool.arrived.wait(), WAIT_S)
    assert spool.values == [7.0]
    assert spool.refusals_left == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
