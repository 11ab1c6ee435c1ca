"""What messages of an MES may say, and that nothing they say stops anything."""

import json
from datetime import datetime

import pytest

from ingestion.mes_effects import Orders, UnfitError
from ingestion.mes_messages import RefusedError, envelope, read, split
from ingestion.reference_folder import NothingLoaded
from lake.schema import MES_MESSAGE
from takt.contracts.mes import MESSAGES
from tests.mes_messages import broken, message, payload, report, whole_order

LINE = {"item_id": "lid", "quantity": 1}
WORK = {"operation_id": "press", "started_at": "2026-03-02T05:00Z"}


def route_card(**said: object) -> dict[str, object]:
    """Of one line of a worker's."""
    return message("route_card", 1, lines=[{**WORK, "worker_id": "w1", **said}])


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": 1, "a": 2}', "a key stands twice"),
        (b'{"a": "\\ud800"}', "not UTF-8"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": 1e99999999999999999999}', "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        ([], "not a JSON object"),
        ({"type": "order_start"}, "message_id None: a value is required"),
        ({**report(1, 1), "type": "order_begin"}, "use one of order_start, report_finished"),
        ({**report(1, 1), "sequence": 0}, "sequence 0: too small"),
        ({**report(1, 1), "message_id": ["a"]}, "message_id ['a']: write one value"),
        (report(1, 1, colour="red"), "'colour': no such key"),
        ({**report(1, 1), "good_quantity": "1,5"}, "good_quantity '1,5': not a number"),
        ({**report(1, 1), "good_quantity": 1e300}, "more than twelve digits"),
        (report(1, 1, error_cause="gremlins"), "use one of none, material"),
        (message("order_start", 1), "started_at None: a value is required"),
        (message("order_start", 1, started_at="2026-01-01", operation_id="a"), "belong together"),
        (message("order_start", 1, started_at="yesterday"), "started_at 'yesterday': not a time"),
        (message("picking_list", 1, lines=[]), "needs a list of one line at least"),
        (message("picking_list", 1, lines=[7]), "line 1, 7: not an object"),
        (message("picking_list", 1, lines=[{**LINE, "quantity": 0}]), "line 1, quantity 0"),
        (message("picking_list", 1, lines=[{**LINE, "replaces_item_id": "lid"}]), "it is the item"),
        (message("picking_list", 1, lines=[{**LINE, "movement_id": 1}] * 2), "in several lines"),
        (
            message("route_card", 1, lines=[{**WORK, "finished_at": "2026-03-02T06:00Z"}]),
            "say whose time",
        ),
        (
            message("route_card", 1, lines=[{**WORK, "finished_at": "2026-03-02T05:00Z"}]),
            "must lie after started_at",
        ),
        (route_card(), "line 1: give two of started_at, finished_at, hours; it has started_at"),
        (route_card(started_at=None, hours=2), "it has hours"),
        (
            route_card(hours=2, finished_at="2026-03-02T07:00Z"),
            "it has started_at, finished_at, hours",
        ),
        (route_card(hours=0), "line 1, hours 0: too small"),
        (route_card(hours=90), "line 1, hours 90: too large"),
        (route_card(hours="2:30"), "line 1, hours '2:30': not a number"),
        (route_card(hours=1, kind="tea"), "line 1, kind 'tea': not allowed"),
        (
            route_card(hours=24, started_at="9999-12-31T12:00Z"),
            "line 1, hours: lead out of the calendar",
        ),
    ],
)
def test_a_message_that_breaks_its_contract_says_where_and_what_to_do(
    told: object, cause: str
) -> None:
    sent = told if isinstance(told, bytes) else payload(told)

    with pytest.raises(RefusedError) as refused:
        read(sent)

    assert cause in str(refused.value)


@pytest.mark.parametrize(
    ("said", "span"),
    [
        ({"hours": 1.5}, ("05:00:00", "06:30:00")),
        (
            {"started_at": None, "finished_at": "2026-03-02T06:00Z", "hours": "0.25"},
            ("05:45:00", "06:00:00"),
        ),
        ({"hours": "0.000001", "kind": "inspection"}, ("05:00:00", "05:00:00.003600")),
    ],
)
def test_hours_with_a_start_or_an_end_are_a_span_of_a_worker(
    said: dict[str, object], span: tuple[str, str]
) -> None:
    (line,) = read(payload(route_card(**said))).lines

    times = tuple(
        f"{line[name]}".removeprefix("2026-03-02 ") for name in ("started_at", "finished_at")
    )
    assert times == span


def test_every_type_has_a_message_in_the_tests() -> None:
    assert {each["type"] for each in whole_order()} == set(MESSAGES)


def test_what_can_be_read_of_an_envelope_is_known_even_if_the_rest_is_wrong() -> None:
    found = envelope(payload({**report(1, -1), "sequence": "x"}))

    assert (found.message_id, found.production_order_id) == ("1001-1", "1001")
    assert (found.sequence, found.created_at) == (None, datetime(2026, 3, 2, 5, 1))


def test_what_cannot_be_read_belongs_to_the_order_it_was_sent_to() -> None:
    assert envelope(b"{", addressed="1001").production_order_id == "1001"


def test_equal_content_is_one_message_however_it_is_spaced() -> None:
    told = report(1, 1)
    turned = dict(reversed(told.items()))

    digests = {
        envelope(each).digest for each in (payload(told), json.dumps(turned, indent=1).encode())
    }
    assert len(digests) == 1
    assert envelope(payload(report(1, 2))).digest not in digests


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('{"a": 1}', 1),
        ('{\n "a": 1\n}\n', 1),
        ('[{"a": 1}, {"b": 2}\n]\n', 2),
        ("[]", 0),
        ('[{"a": 1}, {"b": 2', 1),
        ('[{"a": 1}] [', 1),
        ('{"a": 1}\n\n{"b": 2}\nbroken\n', 3),
        ("{\n broken\n lines\n}", 1),
        ("", 0),
    ],
)
def test_a_file_holds_one_message_a_list_or_one_a_line(text: str, count: int) -> None:
    assert len(list(split(text))) == count


def test_whatever_a_message_holds_it_is_read_refused_or_does_not_fit() -> None:
    outcomes = []
    for seed in range(500):
        sent = broken(seed)
        known = envelope(sent, addressed="1001")
        kept = {**vars(known), "payload": sent, "received_at": None, "received_from": ""}
        MES_MESSAGE.arrow_schema.empty_table().from_pylist([kept], schema=MES_MESSAGE.arrow_schema)
        try:
            Orders({}, NothingLoaded()).apply(read(sent, addressed="1001"))
        except (RefusedError, UnfitError) as error:
            outcomes.append(type(error))
    assert outcomes.count(RefusedError) > 300
    assert UnfitError in outcomes
