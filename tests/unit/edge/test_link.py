import pytest

from edge.clock import Clock
from edge.link import Link
from edge.spool import Delivery
from takt.batch import Sample

PATHS = ("assembly/line1/press01", "assembly/line1/weld01")


class Told:
    """Keeps the events of one link and counts changes."""

    def __init__(self, *equipment: str, expected_interval_s: float | None = 1) -> None:
        self.samples: list[Sample] = []
        self.changes = 0
        self.link = Link(
            "line1",
            equipment,
            expected_interval_s=expected_interval_s,
            clock=Clock(),
            put=self._put,
            changed=self._changed,
        )

    async def _put(self, delivery: Delivery) -> None:
        assert delivery.source is None
        self.samples += delivery.samples

    def _changed(self) -> None:
        self.changes += 1

    @property
    def events(self) -> list[tuple[str, str, float | None, str | None]]:
        return [(s.equipment, s.signal, s.value, s.text) for s in self.samples]


@pytest.fixture
def seconds(monkeypatch):
    """Sets what the monotonic clock shows to the link."""
    shown = [1_000.0]
    monkeypatch.setattr("edge.link.time.monotonic", lambda: shown[0])
    return shown


async def test_a_link_that_was_lost_unnoticed_is_down_since_it_was_heard_last():
    told = Told(*PATHS[:1])
    await told.link.up()
    await told.link.down("the session is gone", 8.0)
    await told.link.down("the server is gone", 20.0)

    links = [sample for sample in told.samples if sample.signal == "$link"]
    assert [(s.value, s.text) for s in links] == [
        (1.0, "line1: connected"),
        (0.0, "line1: the session is gone"),
        (0.0, "line1: the session is gone"),
    ]
    assert links[2].observed_at - links[1].observed_at == pytest.approx(8_000_000, abs=1_000_000)


async def test_a_start_and_every_change_are_told_for_each_equipment():
    told = Told(*PATHS)
    await told.link.start()
    await told.link.up()
    await told.link.up()
    await told.link.down("cable cut")

    links = [event for event in told.events if event[1] == "$link"]
    assert links == [
        (path, "$link", value, text)
        for value, text in (
            (0.0, "line1: starting"),
            (1.0, "line1: connected"),
            (0.0, "line1: cable cut"),
        )
        for path in PATHS
    ]
    assert told.changes == 2


async def test_another_reason_is_health_but_no_event():
    told = Told(PATHS[0])
    await told.link.down("refused")
    await told.link.down("no route")

    assert told.events == []
    assert told.link.health.reason == "no route"


async def test_heartbeats_are_written_while_up_only():
    told = Told(PATHS[0])
    await told.link.beat()
    await told.link.up()
    await told.link.beat()
    await told.link.down("gone")
    await told.link.beat()

    beats = [event for event in told.events if event[1] == "$heartbeat"]
    assert beats == [(PATHS[0], "$heartbeat", 1.0, "line1")] * 2


async def test_silence_for_thrice_the_expected_interval_is_stalled(seconds):
    told = Told(PATHS[0], expected_interval_s=20)
    await told.link.up()
    states = []
    for at in (1_059.0, 1_061.0):
        seconds[0] = at
        await told.link.watch()
        states.append(told.link.health.link)
    told.link.saw(1_700_000_000_000_000)
    await told.link.watch()

    assert [*states, told.link.health.link] == ["up", "stalled", "up"]
    assert told.link.health.reason == "data again"


async def test_silence_shorter_than_ten_seconds_is_never_stalled(seconds):
    told = Told(PATHS[0], expected_interval_s=0.1)
    await told.link.up()
    seconds[0] += 9.9
    await told.link.watch()

    assert told.link.health.link == "up"


async def test_equipment_that_is_learned_is_told_the_present_state():
    told = Told()
    await told.link.up()
    await told.link.add(PATHS[0])

    assert told.events == [(PATHS[0], "$link", 1.0, "line1: connected")]
    assert told.link.serves(PATHS[0])


async def test_lost_equipment_is_down_while_the_others_are_up():
    told = Told(*PATHS)
    await told.link.up()
    told.samples.clear()
    await told.link.lose(PATHS[:1], "the device has died")
    await told.link.lose(PATHS[:1], "again")
    await told.link.beat()

    assert told.events == [
        (PATHS[0], "$link", 0.0, "line1: the device has died"),
        (PATHS[1], "$heartbeat", 1.0, "line1"),
    ]


async def test_regained_equipment_is_up_with_a_heartbeat():
    told = Told(*PATHS)
    await told.link.up()
    await told.link.lose(PATHS, "the edge node has died")
    told.samples.clear()
    await told.link.regain(PATHS[:1])
    await told.link.regain(PATHS[:1])

    assert told.events == [
        (PATHS[0], "$link", 1.0, "line1: connected"),
        (PATHS[0], "$heartbeat", 1.0, "line1"),
    ]


async def test_a_loss_in_the_past_is_told_at_its_time_and_at_the_present():
    told = Told(*PATHS)
    await told.link.up()
    told.samples.clear()
    await told.link.lose(PATHS[:1], "the device has died", 5_000)

    assert [sample.value for sample in told.samples] == [0.0, 0.0]
    assert told.samples[0].observed_at == 5_000
    assert told.samples[1].observed_at == told.samples[1].received_at


async def test_what_was_lost_before_the_link_came_up_stays_down():
    told = Told(*PATHS)
    await told.link.lose(PATHS[:1], "not heard since we connected")
    assert told.events == []
    await told.link.up()

    assert told.events == [
        (PATHS[0], "$link", 0.0, "line1: not heard since we connected"),
        (PATHS[1], "$link", 1.0, "line1: connected"),
        (PATHS[1], "$heartbeat", 1.0, "line1"),
    ]


async def test_a_remark_that_is_no_text_is_told_all_the_same():
    told = Told(*PATHS)
    told.link.remark = "the last: \ud800: no value"

    assert b"\\ud800" in told.link.health.model_dump_json().encode()
