"""A peer that takes batches as ingestion would and acknowledges them, without a lake."""

import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from takt import topics
from takt.messages import Ack


class Peer:
    """Keeps each batch of a collector once and acknowledges what has no gap before it.

    Attributes:
        batches: Payload by epoch and seq.
    """

    def __init__(self, port: int, source: topics.Collector, credit_batches: int = 500) -> None:
        self.batches: dict[tuple[str, int], bytes] = {}
        self._through: dict[str, int] = {}
        self._source = source
        self._credit = credit_batches
        self._lock = threading.Lock()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"bench-peer-{source.collector}")
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def take(self) -> dict[tuple[str, int], bytes]:
        """The batches so far."""
        with self._lock:
            return dict(self.batches)

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(topics.batch_filter(self._source), 1)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        address = topics.parse_batch(message.topic)
        if address is None:
            return
        with self._lock:
            self.batches.setdefault((address.epoch, address.seq), bytes(message.payload))
            through = self._through.get(address.epoch, 0)
            while (address.epoch, through + 1) in self.batches:
                through += 1
            self._through[address.epoch] = through
        ack = Ack(
            epoch=address.epoch,
            settled_through=through,
            ingestor_id="bench",
            credit_batches=self._credit,
            credit_bytes=64_000_000,
        )
        topic = topics.ack_topic(self._source)
        self._client.publish(topic, ack.model_dump_json(), qos=1, retain=True)
