"""When a period may be closed or reopened, and what is said when it may not."""

from datetime import datetime
from decimal import Decimal

import pytest

from pipelines.close import (
    Finding,
    Period,
    _check_accepted,
    _check_known,
    _check_may_close,
    _check_may_reopen,
)
from takt.errors import ConfigurationError

NOW = datetime(2026, 4, 5)


def period(month: int, *, closed: bool = False, postings: int = 7) -> Period:
    at = datetime(2026, 5, 1) if closed else None
    starts, ends = datetime(2026, month, 1), datetime(2026, month + 1, 1)
    by = "Ann" if closed else None
    return Period(f"2026-{month:02d}", starts, ends, closed, at, by, postings)


def finding(problem: str, *, acceptable: bool = True) -> Finding:
    return Finding(problem, acceptable, 4, Decimal(5400), ("1001", "1002", "1003"))


def test_an_ended_period_whose_predecessors_are_closed_or_empty_may_be_closed() -> None:
    known = [period(1, postings=0), period(2, closed=True), period(3), period(4)]

    _check_may_close(known, "2026-03", NOW)


@pytest.mark.parametrize(
    ("period_id", "told"),
    [
        ("2026-02", "2026-02 was closed at 2026-05-01 00:00:00Z by Ann"),
        ("2026-04", "2026-04 goes on until 2026-05-01"),
        ("2026-03", "2026-01 comes first"),
        ("2026-3", "there is no period 2026-3; known are 2026-01, 2026-02, 2026-03, 2026-04"),
    ],
)
def test_why_a_period_may_not_be_closed_is_said(period_id: str, told: str) -> None:
    known = [period(1), period(2, closed=True), period(3), period(4)]

    with pytest.raises(ConfigurationError, match=told):
        _check_may_close(known, period_id, NOW)


def test_what_speaks_against_closing_is_told_with_what_to_do_until_it_is_accepted() -> None:
    found = [finding("uncovered_time"), finding("no_price")]

    with pytest.raises(ConfigurationError) as refused:
        _check_accepted("2026-03", found, ["uncovered_time"])
    assert "no_price (4: 1001, 1002, 1003 …): load its item_cost" in str(refused.value)
    assert "uncovered_time" not in str(refused.value)

    _check_accepted("2026-03", found, ["uncovered_time", "no_price"])
    assert "1.5 h" in str(finding("uncovered_time"))


def test_what_does_not_tie_out_cannot_be_accepted() -> None:
    wrong = finding("does_not_tie_out", acceptable=False)

    with pytest.raises(ConfigurationError, match="report it"):
        _check_accepted("2026-03", [wrong], ["does_not_tie_out"])


def test_an_unknown_problem_is_refused_before_anything_is_done() -> None:
    with pytest.raises(ConfigurationError, match="--accept knows no typo, but uncosted_order"):
        _check_known(["typo"])


@pytest.mark.parametrize(
    ("period_id", "told"),
    [("2026-03", "2026-03 is open"), ("2026-01", "2026-02 was closed after it")],
)
def test_only_the_last_closed_period_may_be_reopened(period_id: str, told: str) -> None:
    known = [period(1, closed=True), period(2, closed=True), period(3)]
    _check_may_reopen(known, "2026-02")

    with pytest.raises(ConfigurationError, match=told):
        _check_may_reopen(known, period_id)
