import json
from collections.abc import Iterable

import pytest

from edge.sparkplug import topic
from edge.sparkplug.equipment import EquipmentNames
from edge.sparkplug.host import Host
from edge.sparkplug.node import LostEquipment, Outcome
from edge.sparkplug.sparkplug_b_pb2 import Payload
from takt.batch import Sample
from tests.sparkplug_messages import T0, data, metric, node_birth

START = 1_700_000_000_000_000
SECOND = 1_000_000
NODE, DEVICE = "plant1/edge1", "plant1/edge1/press01"
COUNT = metric("Count", 7, "Int32", alias=1)


class Heard:
    """A host and all that it made of what it was told; its clock is set by hand."""

    def __init__(self, *, asks: bool = True, births: Iterable[object] = ()) -> None:
        self.names = EquipmentNames("{group}/{node}/{device}", {})
        self.host = Host("line1", self.names, patience=2 * SECOND, asks=asks)
        self.host.restore(births)
        self.outcome = Outcome()
        self.now = START
        self.asked: list[str] = []

    def say(self, kind: str, content: bytes, device: str = "", node: str = "edge1") -> None:
        levels = ["spBv1.0", "plant1", kind, node, *filter(None, [device])]
        origin = topic.parse("/".join(levels))
        assert origin is not None
        self.host.receive(origin, content, self.now, self.outcome)

    def wait(self, seconds: float = 0) -> None:
        self.now += round(seconds * SECOND)
        self.asked += [reason for _, reason in self.host.wait(self.now, self.outcome)]

    @property
    def samples(self) -> list[Sample]:
        return [sample for _, samples in self.outcome.read.runs for sample in samples]

    @property
    def values(self) -> list[tuple[str, str, float | str | None]]:
        return [
            (s.equipment, s.signal, s.value if s.text is None else s.text) for s in self.samples
        ]

    def live(self) -> list[float | None]:
        """Values that machines do not tell again, since last asked."""
        runs = self.outcome.read.runs
        found = [s.value for is_told_again, run in runs if not is_told_again for s in run]
        runs.clear()
        return found

    @property
    def lost(self) -> list[LostEquipment]:
        return [change for change in self.outcome.link if isinstance(change, LostEquipment)]

    def counts(self) -> dict[str, object]:
        [event] = self.host.report(self.now)
        said = json.loads(event.text or "")
        return {k: v for k, v in said.items() if k not in ("source", "group", "node")}


@pytest.fixture
def heard() -> Heard:
    return Heard()


def born(heard: Heard, *metrics: Payload.Metric) -> None:
    """Node and device are born, the device with these metrics; of that nothing is kept."""
    heard.say("NBIRTH", node_birth())
    heard.say("DBIRTH", data(metrics, seq=1), "press01")
    heard.outcome.read.runs.clear()
    heard.outcome.link.clear()


def count(number: int, seq: int, **others: object) -> bytes:
    """The device's data that say `number` of COUNT."""
    sent = others.pop("timestamp", T0 + number)
    return data([metric(value=number, datatype="Int32", alias=1, timestamp=sent, **others)], seq)
