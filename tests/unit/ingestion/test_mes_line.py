"""Whose turn it is among an order's messages."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from ingestion.mes_effects import UnfitError
from ingestion.mes_line import Outcome, Tried, Turn, Waiting, in_order, walk
from ingestion.mes_messages import Envelope, RefusedError

BEGIN = datetime(2026, 3, 2)
NOW = BEGIN + timedelta(hours=1)


def waiting(name: str, made: int, sequence: int | None = None, **state: object) -> Waiting:
    envelope = Envelope(name, name, "order_end", "1", sequence, BEGIN + timedelta(minutes=made))
    return Waiting(envelope, BEGIN, "test", b"", **state)  # type: ignore[arg-type]


def names(line: list[Waiting]) -> str:
    return "".join(each.envelope.digest for each in line)


def walked(
    line: list[Waiting],
    take_in: Callable[[Waiting], None] = lambda _: None,
    *,
    settled: tuple[int, ...] = (),
    turn: Turn = Turn(NOW, timedelta(minutes=1)),  # noqa: B008 -- never changed
) -> list[Tried]:
    return list(walk(line, settled, turn, take_in))


def failing(*which: str, by: Exception) -> Callable[[Waiting], None]:
    def take_in(message: Waiting) -> None:
        if message.envelope.digest in which:
            raise by

    return take_in


def test_messages_are_ordered_by_when_they_were_made() -> None:
    assert names(in_order([waiting("b", 2), waiting("a", 1), waiting("c", 3)])) == "abc"


def test_messages_with_a_sequence_share_their_places_by_it() -> None:
    line = [waiting("2", 1, 2), waiting("x", 2), waiting("1", 3, 1)]

    assert names(in_order(line)) == "1x2"


def test_a_message_that_does_not_fit_holds_those_behind_it() -> None:
    take_in = failing("b", by=UnfitError("no such item"))

    tried = walked([waiting(name, made) for made, name in enumerate("abc")], take_in)

    assert [(each.message.envelope.digest, each.outcome) for each in tried] == [
        ("a", Outcome.APPLIED),
        ("b", Outcome.WAITS),
    ]


@pytest.mark.parametrize(("tries", "outcome"), [(0, "waits"), (1, "waits"), (2, "dead")])
def test_what_may_heal_is_tried_three_times(tries: int, outcome: str) -> None:
    [tried] = walked([waiting("a", 1, tries=tries)], failing("a", by=UnfitError("no order")))

    assert (tried.outcome, tried.tries) == (outcome, tries + 1)


def test_what_cannot_heal_is_dead_at_once() -> None:
    [tried] = walked([waiting("a", 1)], failing("a", by=RefusedError("no number")))

    assert tried.outcome is Outcome.DEAD


@pytest.mark.parametrize(("seconds", "count"), [(59, 0), (60, 1)])
def test_what_waits_is_left_alone_for_a_while(seconds: int, count: int) -> None:
    decided_at = NOW - timedelta(seconds=seconds)

    tried = walked([waiting("a", 1, outcome=Outcome.WAITS, tries=1, decided_at=decided_at)])

    assert len(tried) == count


def test_a_sequence_waits_for_the_one_before_it_or_a_person() -> None:
    third = waiting("a", 1, 3)

    assert walked([third]) == []
    assert len(walked([third], settled=(2,))) == 1
    assert len(walked([third], turn=Turn(NOW, None, ("a",)))) == 1


def test_a_dead_letter_holds_its_line_until_a_person_chooses_it() -> None:
    line = [waiting("a", 1, outcome=Outcome.DEAD, tries=3), waiting("b", 2)]

    assert walked(line) == []
    assert len(walked(line, turn=Turn(NOW, None, ("a",)))) == 2
