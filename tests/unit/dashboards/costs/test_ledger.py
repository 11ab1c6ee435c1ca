from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from dash import html

from dashboards.costs import ledger
from dashboards.costs.ledger import Column, NoCosts, Row
from dashboards.history import HistoryUnavailable, NothingPublished
from takt.errors import TaktError


def said(component: object) -> str:
    """All text of a component, in order."""
    if component is None or isinstance(component, str):
        return component or ""
    if isinstance(component, list | tuple):
        return "".join(said(each) for each in component)
    return said(getattr(component, "children", None))


def test_a_link_changes_a_part_of_the_selection_and_keeps_the_rest() -> None:
    chosen = {"period": "2026-03", "order": "A&B", "loss": "x"}

    address = ledger.href("/costs", chosen, loss=None, at="2026-03-02T06:00:00")

    assert parse_qs(urlsplit(address).query) == {
        "period": ["2026-03"],
        "order": ["A&B"],
        "at": ["2026-03-02T06:00:00"],
    }
    assert ledger.href("/costs", {}, order=None) == "/costs"


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (Decimal("1234.5"), "1,234.50U"),
        (Decimal("-1234.5"), "−1,234.50F"),
        (Decimal(0), "0.00"),
        (None, "–"),
    ],
)
def test_a_variance_says_its_direction_by_a_letter(amount: Decimal | None, words: str) -> None:
    assert said(ledger.variance(amount)) == words


def test_the_letter_of_a_variance_is_told_in_full_to_ears() -> None:
    badge = ledger.badge(Decimal(-1)).to_plotly_json()["props"]

    assert badge["aria-label"] == "favourable"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("175", "175 kg"),
        ("2.1", "2.1 kg"),
        ("0.583333", "0.5833 kg"),
        ("0.000347", "0.000347 kg"),
        ("1234.5678", "1,234.57 kg"),
    ],
)
def test_a_quantity_has_as_many_places_as_say_something(value: str, words: str) -> None:
    told = ledger.quantity(Decimal(value), "kg")

    assert told.replace("\N{NARROW NO-BREAK SPACE}", " ") == words


def test_words_of_a_table_stand_left_and_a_phone_leaves_out_what_is_extra() -> None:
    columns = [Column("Order", is_words=True), Column("Estimate", is_extra=True), Column("Actual")]

    table = ledger.table(columns, [Row(["1001", "1.00", "2.00"])], label="Orders")

    [body] = [part for part in table.children.children if isinstance(part, html.Tbody)]
    assert [cell.className for cell in body.children[0].children] == ["word", "extra", None]


def test_a_row_of_another_width_than_its_table_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ledger.table([Column("Order")], [Row(["1001", "1.00"])], label="Orders")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NoCosts("none"), "takt reference load FOLDER"),
        (NothingPublished("none"), "takt refresh"),
        (HistoryUnavailable("gone"), "returns by itself"),
        (TaktError("something else"), "something else"),
    ],
)
def test_where_there_is_nothing_the_page_says_what_to_do(error: TaktError, words: str) -> None:
    assert words in said(ledger.why_nothing(error))
