from asyncua import ua

from edge.configuration import OpcUaNode
from edge.opcua.subscribing import Refusals

PATTERN = OpcUaNode(path="{equipment:2}/{signal}")
ONE, OTHER = ua.NodeId("one", 2), ua.NodeId("other", 2)


def test_a_variable_stays_refused_when_another_of_its_pattern_is_subscribed(caplog):
    refusals = Refusals("line1", 60)
    refusals.refuse(PATTERN, "BadNotReadable", ONE)

    refusals.forget(PATTERN, OTHER)

    assert refusals.nodes == [PATTERN]
    refusals.refuse(PATTERN, "BadNotReadable", ONE)
    assert len(caplog.messages) == 1
    refusals.forget(PATTERN, ONE)
    assert refusals.nodes == []


def test_a_path_that_led_nowhere_is_no_longer_refused_once_something_fits():
    refusals = Refusals("line1", 60)
    refusals.refuse(PATTERN, "nothing on the server fits")

    refusals.forget(PATTERN, ONE)

    assert refusals.nodes == []
