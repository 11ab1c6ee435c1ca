"""Messages of a United Manufacturing Hub, as its brokers carry them.

Topics are `umh/v1/<location>/_<contract>/<groups>/<name>`; the location begins with the
enterprise and its site, equipment lies below. A payload is `{"timestamp_ms": …, "value": …}`,
one tag a topic, or, as older hubs publish, `timestamp_ms` beside any number of tags, which
may lie in groups. Groups and names are joined by dots: `axis.x`.
"""

from edge.configuration import MqttSource
from edge.payload import (
    PayloadError,
    Reading,
    as_signal,
    as_value,
    members,
    parse,
    time_reader,
)
from takt.batch import Sample
from takt.equipment import is_path

_ROOT = ("umh", "v1")
_TIME = "timestamp_ms"
_SINGLE = {_TIME, "value"}
_KNOWN_TOPICS = 100_000


class UmhReader:
    """Reads one hub's messages; `topic` of the source is the filter it subscribes to.

    Attributes:
        topic_filter: What to subscribe to.
        has_time: Every message carries its time.
    """

    def __init__(self, source: MqttSource) -> None:
        self.topic_filter = source.topic
        self.has_time = True
        self._above = source.levels_above
        self._names: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._time = time_reader("ms")

    def read(self, topic: str, payload: bytes, received_at: int) -> Reading:
        """As `MessageReader.read`."""
        equipment, groups = self._names.get(topic) or self._learn(topic)
        content = parse(payload)
        if type(content) is not dict or _TIME not in content:
            raise PayloadError(f"no {_TIME}")
        observed_at = self._time(content[_TIME])
        if content.keys() == _SINGLE and groups:
            signal, said = ".".join(groups), as_value(content["value"])
            return Reading([Sample(equipment, signal, observed_at, *said, received_at)])
        samples, unread = [], []
        for name, item in members(content, frozenset((_TIME,)), lambda _: False):
            signal = ".".join((*groups, name))
            try:
                said = as_value(item)
                samples.append(
                    Sample(equipment, as_signal(signal), observed_at, *said, received_at)
                )
            except PayloadError as error:
                unread.append(f"{name}: {error}")
        if unread and not samples:
            raise PayloadError(unread[0])
        return Reading(samples, unread)

    def _learn(self, topic: str) -> tuple[str, tuple[str, ...]]:
        levels = topic.split("/")
        contract = next((n for n, level in enumerate(levels) if level.startswith("_")), 0)
        if tuple(levels[:2]) != _ROOT or contract == 0:
            raise PayloadError(f"topic {topic} is not umh/v1/<location>/_<contract>/…")
        equipment = "/".join(levels[2 + self._above : contract])
        if not is_path(equipment):
            raise PayloadError(
                f"topic {topic} names no equipment below the first {self._above} levels"
            )
        groups = tuple(levels[contract + 1 :])
        if groups:
            as_signal(".".join(groups))
        if len(self._names) >= _KNOWN_TOPICS:
            self._names.clear()
        self._names[topic] = equipment, groups
        return equipment, groups
