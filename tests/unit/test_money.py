"""Money is divided in whole numbers: a quotient is the exact one, rounded half away from zero."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import prod
from pathlib import Path

import duckdb
import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

MACROS = (Path(__file__).parent.parent.parent / "dbt_project/macros/cost.sql").read_text()

# Of every size, so that what fits into a double, into 64 bits and into 128 bits all occur.
billionths = st.one_of(
    st.integers(-(10**digits), 10**digits) for digits in (1, 6, 12, 15, 16, 18, 21, 24, 28)
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


def exact(of: list[int], by: list[int], places: int) -> tuple[Fraction | None, bool]:
    """The quotient in units of the last place, and whether all of it is what amounts may be."""
    dividend, divisor = prod(of) * 10**places, prod(by) * 10 ** (9 * (len(of) - len(by)))
    is_small = max(dividend, -dividend, divisor) < 3 * 10**37
    are_all_small = all(abs(number) < 10**29 for number in (*of, *by))
    return Fraction(dividend, divisor) if divisor else None, is_small and are_all_small


def check(con: duckdb.DuckDBPyConnection, of: list[int], by: list[int], places: int) -> None:
    """Exact, or of what no amount may be nothing; never anything else."""
    found = quotient(con, of, by, places)
    told, may_be = exact(of, by, places)
    if told is None:
        assert found is None
    elif found is None:
        assert not may_be or abs(rounded(told)) >= 10**28, (of, by, places)
    else:
        assert found == Decimal(rounded(told)).scaleb(-places)


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
    assert quotient(con, [10**36, 1], [1], 6) is None
    assert quotient(con, [10**9], [0], 6) is None


def test_a_row_that_no_amount_may_be_leaves_all_others_theirs(
    con: duckdb.DuckDBPyConnection,
) -> None:
    macro = jinja2.Template(MACROS + "{{ money_divide(['amount', 'quantity'], [divisor], 6) }}")
    twice = ", ".join(macro.render(divisor=divisor) for divisor in ("3", "7"))
    told = con.execute(f"""
        select number, {twice}
        from (
            select
                range as number,
                case range % 100
                    when 7 then 1e28::decimal(38, 9) when 8 then null else range
                end as amount,
                case range % 100 when 9 then 1e28::decimal(38, 9) else 1 end as quantity
            from range(5000)
        )
        order by number
    """).fetchall()

    def of(number: int, divisor: int) -> Decimal | None:
        if number % 100 in (7, 8) or (number % 100 == 9 and number):
            return None
        return Decimal(rounded(Fraction(number * 10**6, divisor))).scaleb(-6)

    assert told == [(number, of(number, 3), of(number, 7)) for number in range(5000)]
