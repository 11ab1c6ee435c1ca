"""Topics say who, which epoch and which batch; anything else names nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takt import topics
from takt.topics import BatchAddress, Collector, LossAddress

SOURCE = Collector("demo", "collector1")
EPOCH = "0b1f0c8e-7a5d-4d3e-9a63-3c1f3f3b2c11"


def test_a_batch_topic_reads_back() -> None:
    topic = topics.batch_topic(SOURCE, EPOCH, 42)

    assert topics.parse_batch(topic) == BatchAddress(SOURCE, EPOCH, 42)


def test_a_loss_topic_reads_back() -> None:
    topic = topics.lost_topic(SOURCE, EPOCH, 3, 9)

    assert topics.parse_lost(topic) == LossAddress(SOURCE, EPOCH, 3, 9)


def test_a_loss_that_ends_before_it_begins_names_nothing() -> None:
    assert topics.parse_lost(topics.lost_topic(SOURCE, EPOCH, 9, 3)) is None


@pytest.mark.parametrize("seq", ["0", "-1", "1.5", "x", "", "9" * 30])
def test_a_seq_that_is_no_positive_number_names_nothing(seq: str) -> None:
    assert topics.parse_batch(f"takt/v1/demo/collector1/batch/{EPOCH}/{seq}") is None


@given(topic=st.text(max_size=80))
def test_any_other_topic_names_nothing(topic: str) -> None:
    assert topics.parse_batch(topic) is None
    assert topics.parse_lost(topic) is None
    assert topics.parse_health(topic) is None


def test_the_topic_of_an_mes_names_the_order_whatever_it_is_called() -> None:
    for order in ("1001", "a/b c", "ö"):
        assert topics.parse_mes(topics.mes_topic("demo", order)) == order
    assert topics.parse_mes("takt/v1/demo/collector1/health") is None
    assert topics.parse_mes("c.jsonl:2") is None
