from edge.sparkplug.sparkplug_b_pb2 import Payload
from tests.sparkplug_messages import T0, data, metric, node_birth
from tests.unit.edge.sparkplug.conftest import COUNT, DEVICE, NODE, Heard, born, count


def test_aliases_from_before_the_connection_are_uncertain_until_a_birth_is_heard(heard):
    born(heard, COUNT)
    heard.host.reconnected(heard.outcome)
    heard.say("DDATA", count(8, seq=77), "press01")
    named = metric("Count", 9, "Int32", timestamp=T0 + 9)
    heard.say("DDATA", data([named], 78), "press01")
    assert [(s.value, s.quality) for s in heard.samples] == [(8.0, 1), (9.0, 0)]

    born(heard, COUNT)
    heard.say("DDATA", count(10, seq=2), "press01")
    assert [(s.value, s.quality) for s in heard.samples] == [(10.0, 0)]


def test_data_that_waits_for_a_birth_when_the_connection_ends_is_counted(heard):
    heard.say("NDATA", data([metric("T", 2.0)]))
    heard.host.reconnected(heard.outcome)

    assert heard.counts()["data_before_birth"] == 1


def test_unknown_aliases_are_counted_and_ask_for_a_rebirth_once_a_second(heard):
    born(heard, COUNT)
    for seq in range(2, 8):
        heard.say("DDATA", data([metric(value=1.0, alias=99)], seq), "press01")
        heard.wait(0.25)

    assert heard.samples == []
    assert heard.asked == ["metrics that its birth has not declared"] * 2
    assert heard.counts()["unknown_metrics"] == 6


def test_a_metric_without_name_and_alias_is_not_alias_zero(heard):
    born(heard, metric("Zero", 1.0, alias=0))
    heard.say(
        "DDATA", data([metric(value=2.0, alias=0), Payload.Metric(double_value=3.0)], 2), "press01"
    )

    assert heard.live() == [2.0]


def test_an_alias_that_names_two_metrics_names_none(heard):
    born(heard, metric("A", 1.0, alias=1), metric("B", 2.0, alias=1))
    heard.say("DDATA", data([metric(value=3.0, alias=1)], 2), "press01")

    assert heard.samples == []
    assert heard.counts()["alias_conflicts"] == 1


def test_an_alias_of_two_devices_is_counted_and_read_by_device(heard):
    born(heard, COUNT)
    heard.say("DBIRTH", data([metric("Other", 1, "Int32", alias=1)], 2), "press02")
    heard.say("DDATA", count(8, seq=3), "press02")
    heard.say("DDATA", count(9, seq=4), "press01")

    assert heard.values[1:] == [(f"{NODE}/press02", "Other", 8.0), (DEVICE, "Count", 9.0)]
    assert heard.counts()["alias_conflicts"] == 1


def test_an_alias_is_free_again_after_the_death_of_its_device(heard):
    born(heard, COUNT)
    heard.say("DDEATH", data(seq=2), "press01")
    heard.say("DBIRTH", data([COUNT], 3), "press02")

    assert "alias_conflicts" not in heard.counts()


def test_kept_births_give_their_aliases_after_a_restart(heard):
    heard.say("NBIRTH", node_birth())
    heard.say("DBIRTH", data([COUNT], seq=1), "press01")
    again = Heard(births=heard.outcome.born)
    again.say("DDATA", count(-12, seq=77), "press01")

    assert again.values == [(DEVICE, "Count", -12.0)]
