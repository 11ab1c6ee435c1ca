import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sparkplug import topic
from edge.sparkplug.node import LostEquipment
from edge.sparkplug.reading import UndecodableError
from tests.sparkplug_messages import T0, data, metric, node_birth, node_death
from tests.unit.edge.sparkplug.conftest import COUNT, DEVICE, NODE, Heard, born, count


def test_a_death_of_the_session_takes_node_and_devices(heard):
    born(heard, COUNT)
    heard.say("NDEATH", node_death(bd_seq=0))

    assert heard.lost == [LostEquipment((NODE, DEVICE), "the edge node has died")]
    heard.say("DDATA", count(8, seq=2), "press01")
    heard.wait(3)
    assert heard.samples == []


def test_a_late_death_of_an_earlier_session_changes_nothing(heard):
    heard.say("NBIRTH", node_birth([COUNT], bd_seq=4))
    heard.say("NDEATH", node_death(bd_seq=3))
    heard.say("NDATA", count(8, seq=1))

    assert heard.lost == []
    assert heard.live() == [8.0]
    assert heard.counts()["deaths_of_other_sessions"] == 1


def test_the_death_of_a_device_has_its_own_time(heard):
    born(heard, COUNT)
    heard.say("DDEATH", data(seq=2, timestamp=T0 - 5_000), "press01")

    assert heard.lost == [LostEquipment((DEVICE,), "the device has died", (T0 - 5_000) * 1_000)]


def test_a_device_that_is_not_born_again_with_its_node_is_lost(heard):
    born(heard, COUNT)
    heard.say("NBIRTH", node_birth(bd_seq=1))
    heard.wait(9)
    assert heard.lost == []
    heard.wait(2)

    assert heard.lost == [LostEquipment((DEVICE,), "not born again")]


def test_after_a_reconnection_any_number_is_in_order_and_births_are_asked_for(heard):
    born(heard, COUNT)
    heard.host.reconnected(heard.outcome)
    heard.wait()
    heard.say("DDATA", count(8, seq=77), "press01")

    assert heard.live() == [8.0]
    assert heard.outcome.link == [NODE, DEVICE]
    assert heard.asked == ["we were away"]
    assert "gaps" not in heard.counts()


def test_names_that_are_no_path_are_refused_with_advice(heard):
    heard.say("NBIRTH", node_birth([metric("T", 1.0)]), node="Edge 1")
    heard.say("NDATA", data([metric("T", 2.0)]), node="Edge 1")

    assert heard.samples == []
    assert "name its equipment under equipment_of" in heard.outcome.read.refused
    assert heard.counts()["refused_equipment"] == 1


def test_names_that_differ_by_case_only_are_not_mixed_up(heard):
    heard.say("NBIRTH", node_birth([metric("T", 1.0)]))
    heard.say("NBIRTH", node_birth([metric("T", 2.0), metric("t", 3.0)]), node="EDGE1")

    assert heard.values == [(NODE, "T", 1.0)]


def test_conformance_counts_since_the_last_report_and_the_clock(heard):
    heard.now = (T0 + 3_000) * 1_000
    born(heard, COUNT)
    heard.say("DDATA", count(8, seq=2), "press01")

    [event] = heard.host.report(heard.now)
    assert event[:2] == (NODE, "$conformance")
    assert event.value == 0
    assert json.loads(event.text or "") == {
        "source": "line1",
        "group": "plant1",
        "node": "edge1",
        "messages": 3,
        "metrics": 4,
        "clock_offset_s": 3.0,
    }
    assert heard.host.report(heard.now) == []


@given(st.binary(max_size=200))
def test_no_bytes_stop_the_host(content):
    heard = Heard()
    born(heard, COUNT)
    for kind in ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"):
        try:
            heard.say(kind, content, "press01" if kind[0] == "D" else "")
        except UndecodableError:
            continue
    heard.wait(3)
    heard.host.report(heard.now)


@pytest.mark.parametrize(
    "name",
    [
        "spBv1.0/g/NDATA",
        "spBv1.0/g/NDATA/n/d",
        "spBv1.0/g/DDATA/n",
        "spBv1.0/g/NCMD/n",
        "x/g/NDATA/n",
    ],
)
def test_topics_that_are_no_messages_of_edge_nodes(name):
    assert topic.parse(name) is None
