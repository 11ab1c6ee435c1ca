from hypothesis import given
from hypothesis import strategies as st

from tests.sparkplug_messages import data, metric, node_birth
from tests.unit.edge.sparkplug.conftest import COUNT, Heard, born, count


def test_data_before_a_birth_waits_for_it(heard):
    heard.say("DDATA", count(1, seq=2), "press01")
    heard.say("DBIRTH", data([COUNT], seq=1), "press01")
    assert heard.samples == []

    heard.say("NBIRTH", node_birth())
    assert heard.live() == [1.0]


def test_data_whose_birth_does_not_come_is_counted_and_asks_for_it(heard):
    heard.say("DDATA", count(1, seq=2), "press01")
    heard.wait(1.9)
    assert heard.asked == []
    heard.wait(0.2)

    assert heard.asked == ["data before its birth"]
    assert heard.counts()["data_before_birth"] == 1


def test_a_passive_host_asks_nobody():
    heard = Heard(asks=False)
    heard.say("DDATA", count(1, seq=2), "press01")
    for _ in range(50):
        heard.wait(0.1)

    assert heard.asked == []


def test_a_gap_is_waited_for_then_counted_and_the_rest_goes_on(heard):
    born(heard, COUNT)
    heard.say("DDATA", count(4, seq=4), "press01")
    heard.say("DDATA", count(3, seq=3), "press01")
    heard.wait(1.9)
    assert heard.live() == []
    heard.wait(0.2)

    assert heard.live() == [3.0, 4.0]
    assert heard.asked == ["a gap in its sequence"]
    counts = heard.counts()
    assert (counts["gaps"], counts["missing_messages"]) == (1, 1)


def test_a_node_that_repeats_its_sequence_numbers_loses_nothing(heard):
    born(heard, COUNT)
    for number in range(262):
        heard.say("DDATA", count(number, seq=2 + number // 2), "press01")
        heard.wait(0.1)

    assert heard.live() == [float(number) for number in range(262)]
    counts = heard.counts()
    assert counts["duplicate_seqs"] == 131
    assert "gaps" not in counts


def test_messages_later_than_the_wait_are_taken_and_counted_as_late(heard):
    born(heard, COUNT)
    heard.say("DDATA", count(9, seq=9), "press01")
    heard.wait(3)
    for number in range(2, 9):
        heard.say("DDATA", count(number, seq=number), "press01")
    heard.say("DDATA", count(10, seq=10), "press01")

    assert heard.live() == [9.0, *map(float, range(2, 9)), 10.0]
    counts = heard.counts()
    assert (counts["gaps"], counts["missing_messages"], counts["late_messages"]) == (1, 7, 7)


def test_a_gap_of_most_of_a_round_is_noticed_and_loses_nothing_of_what_came(heard):
    born(heard, COUNT)
    for number in range(202, 210):
        heard.say("DDATA", count(number, seq=number), "press01")
    heard.wait()

    assert heard.live() == [float(number) for number in range(202, 210)]
    assert heard.asked == ["a gap in its sequence"]
    counts = heard.counts()
    assert (counts["gaps"], counts["duplicate_seqs"]) == (1, 3)


@given(st.integers(0, 255), st.data())
def test_any_order_of_arrival_within_the_wait_gives_the_same_samples(first, draw):
    numbers = list(range(1, draw.draw(st.integers(2, 100))))
    heard = Heard()
    heard.say("NBIRTH", node_birth([metric("Count", 0, "Int32", alias=1)], seq=first))
    for number in draw.draw(st.permutations(numbers)):
        heard.say("NDATA", count(number, seq=(first + number) % 256))
        heard.wait(0.01)

    assert heard.live() == [float(number) for number in numbers]
    assert set(heard.counts()) == {"messages", "metrics", "clock_offset_s"}


@given(st.permutations(range(6)))
def test_a_birth_may_come_anywhere_among_its_first_messages(order):
    messages = [
        ("NBIRTH", node_birth(), ""),
        ("DBIRTH", data([COUNT], seq=1), "press01"),
        *[("DDATA", count(number, seq=number), "press01") for number in range(2, 6)],
    ]
    heard = Heard()
    for place in order:
        heard.say(*messages[place])

    assert heard.live() == [2.0, 3.0, 4.0, 5.0]
