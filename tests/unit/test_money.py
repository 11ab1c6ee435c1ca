"""Money is divided in whole numbers: a quotient is the exact one, rounded half away from zero."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

MACROS = (Path(__file__).parent.parent.parent / "dbt_project/macros/cost.sql").read_text()
LARGEST = 2**127

# Of every size, so that what fits into a double, into 64 bits and into 128 bits all occur.
billionths = st.one_of(
    st.integers(-(10**digits), 10**digits) for digits in (1, 6, 12, 15, 16, 18, 21, 24)
)
of_millionths = billionths.map(lambda number: number // 1000 * 1000)
numbers = st.one_of(billionths, of_millionths)


def quotient(con: duckdb.DuckDBPyConnection, of: list[int], by: list[int], places: int) -> object:
    """What the macro says of numbers in billionths."""
    names = [f"factor_{place}" for place in range(len(of))]
    others = [f"divisor_{place}" for place in range(len(by))]
    macro = jinja2.Template(MACROS + "{{ money_divide(factors, divisors, places) }}")
    expression = macro.render(factors=names, divisors=others, places=places)
    values = [Decimal(number).scaleb(-9) for number in (*of, *by)]
    columns = ", ".join(f"cast(? as decimal(38, 9)) as {name}" for name in (*names, *others))
    (found,) = con.execute(f"select {expression} from (select {columns})", values).fetchall()
    return found[0]


def rounded(exact: Fraction) -> int:
    """Half away from zero."""
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return whole if exact >= 0 else -whole


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def check(con: duckdb.DuckDBPyConnection, of: list[int], by: list[int], places: int) -> None:
    """Exact where it fits into 128 bits, nothing where it does not, and never anything else."""
    found = quotient(con, of, by, places)
    divisor = 10 ** (9 * (len(of) - len(by)))
    dividend = 10**places
    for number in by:
        divisor *= number
    for number in of:
        dividend *= number
    if divisor == 0:
        assert found is None
        return
    exact = rounded(Fraction(dividend, divisor))
    if found is None:
        is_too_large = 2 * abs(dividend) + 2 * divisor >= LARGEST or abs(exact) >= 10**28
        assert is_too_large, (of, by, places, exact)
    else:
        assert found == Decimal(exact).scaleb(-places)


@given(
    of=st.lists(numbers, min_size=1, max_size=2),
    by=numbers.map(abs),
    places=st.sampled_from((2, 6, 9)),
)
def test_a_quotient_is_exact_or_none(
    con: duckdb.DuckDBPyConnection, of: list[int], by: int, places: int
) -> None:
    check(con, of, [by], places)


@given(
    of=st.lists(numbers, min_size=2, max_size=2),
    by=st.lists(numbers.map(abs), min_size=2, max_size=2),
)
def test_a_quotient_by_two_divisors_is_exact_or_none(
    con: duckdb.DuckDBPyConnection, of: list[int], by: list[int]
) -> None:
    check(con, of, by, 6)


@given(half=st.integers(-(10**15), 10**15), divisor=st.integers(1, 10**12))
def test_a_half_is_rounded_away_from_zero(
    con: duckdb.DuckDBPyConnection, half: int, divisor: int
) -> None:
    # An odd number of half millionths, times what it is divided by.
    check(con, [(2 * half + 1) * 500 * divisor], [divisor * 10**9], 6)
    check(con, [(2 * half + 1) * 500 * divisor + 1], [divisor * 10**9], 6)
    check(con, [(2 * half + 1) * 500 * divisor - 1], [divisor * 10**9], 6)


def test_what_no_amount_may_be_is_none(con: duckdb.DuckDBPyConnection) -> None:
    assert quotient(con, [10**27, 10**27], [1], 6) is None
    assert quotient(con, [10**9], [0], 6) is None
