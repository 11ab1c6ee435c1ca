"""Fuzzed JSON through a source's own path into a real spool; the broker alone is left out."""

import asyncio
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import Clock
from edge.configuration import MqttSource
from edge.link import Link
from edge.mqtt_source import MqttCollector
from edge.shared_spool import SharedSpool
from edge.spool import Spool
from edge.spool_writer import SpoolWriter
from takt import batch
from tests.mutations import Mutations

T0 = 1_700_000_000_000
BROKER = {"kind": "mqtt", "host": "127.0.0.1", "port": 1}
SOURCES = {
    "one value a message": {
        "topic": "plant/{equipment:3}/{signal}", "timestamp": "t", "timestamp_unit": "ms",
        "quality": "q", "text": "unit",
    },
    "an object of signals": {"topic": "plant/{equipment:3}/+", "signals": "", "timestamp": "t"},
    "a list of samples": {
        "topic": "plant/{equipment:3}/+", "samples": "samples", "name": "n", "value": "value",
    },
    "a hub": {"format": "umh"},
}  # fmt: skip
SOUND: list[dict[str, object]] = [
    {"value": 17, "t": T0, "q": "good", "unit": "mm"},
    {"t": "2023-11-14T22:13:20Z", "Speed": 1.5, "Serial": "0042", "axis": {"x": 1, "y": [2, 3]}},
    {"samples": [{"n": "a", "value": 1}, {"n": "b", "value": "x"}]},
    {"timestamp_ms": T0, "value": 2**70},
]
SECOND = 1_000_000


class Fed:
    """A source whose messages are handed to it as paho would, with a spool behind it."""

    def __init__(self, options: dict[str, object], folder: Path) -> None:
        clock = Clock()
        self.spool = Spool(folder / "spool.db", clock.now)
        shared = SharedSpool(self.spool)
        self.writer = SpoolWriter(shared)
        self.link = Link(
            "line1", (), expected_interval_s=None, clock=clock, put=self.writer.put,
            changed=lambda: None,
        )  # fmt: skip
        source = MqttSource.model_validate({**BROKER, **options})
        self._client = Client(CallbackAPIVersion.VERSION2)
        self.collector = MqttCollector(
            "line1", source, "c", link=self.link, clock=clock, put=self.writer.put,
            learned=shared.remember_served,
        )  # fmt: skip
        self._is_hub = source.format == "umh"

    def say(self, payload: bytes, name: str) -> None:
        place = "umh/v1/acme/cologne/a/b/c/_raw/" if self._is_hub else "plant/a/b/c/"
        message = MQTTMessage(0, (place + name).encode())
        message.payload = payload
        self.collector._take(self._client, message)

    async def feed(self, count: int, seed: int) -> int:
        """How many sound messages went in between the others."""
        mutations, sound = Mutations(seed), 0
        writing = asyncio.create_task(self.writer.run())
        for number in range(count):
            self.say(mutations.of_json(SOUND), "fuzzed")
            if number % 50 == 0:
                sound += 1
                self.say(self._counted(sound), "counted")
                await self.collector._hand_over()
        await self.writer.end()
        await writing
        return sound

    def _counted(self, number: int) -> bytes:
        if self.collector._source.samples:
            return b'{"samples": [{"n": "counted", "value": %d}]}' % number
        time = "timestamp_ms" if self._is_hub else "t"
        at = '"2023-11-14T22:13:20Z"' if self.collector._source.signals == "" else T0 + number
        name = "counted" if self.collector._source.signals == "" else "value"
        return f'{{"{time}": {at}, "{name}": {number}}}'.encode()

    def rows(self) -> list[dict[str, object]]:
        held = self.spool.read(self.spool.epoch, 1, batches=10_000)
        return [row for each in held for row in batch.decode(each.payload).table.to_pylist()]


@pytest.mark.parametrize("count", [150, pytest.param(25_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("options", SOURCES.values(), ids=SOURCES)
async def test_fuzzed_json_is_read_or_named_and_takes_no_sound_message_with_it(
    options, count, tmp_path
):
    fed = Fed(options, tmp_path)

    sound = await fed.feed(count, seed=5)

    rows = fed.rows()
    assert sorted(r["value"] for r in rows if r["signal"] == "counted") == [
        float(number) for number in range(1, sound + 1)
    ]
    left_out = fed.collector._left_out
    assert count / 10 < left_out._messages <= count
    assert f"{left_out._messages} messages not understood" in fed.link.health.reason
