"""Which count somebody means who names a shift and, where it made several things, of what."""

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from dashboards.stops import counts
from dashboards.stops.counts import Where
from takt.errors import ConfigurationError

SHIFT = ("press", date(2026, 3, 2), "early")


@pytest.fixture
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    """A shift that made pieces for an order, and others without one."""
    with duckdb.connect() as con:
        con.execute("create schema marts")
        con.execute(
            """
            create table marts.work_unit_shift_order as
            select
                'iso22400' as definition_id, 'plant' as site_id, 'press' as work_unit_id,
                date '2026-03-02' as production_date, 'early' as shift_id, *,
                timestamp '2026-03-02 06:00:00' as shift_started_at,
                timestamp '2026-03-02 14:00:00' as shift_ended_at,
                1.0 as good_quantity, 0.0 as scrap_quantity, 0.0 as rework_quantity
            from (values ('PO-1', '10', 'cup'), (null, null, 'cup'))
                as made (production_order_id, operation_id, item_id)
            """
        )
        yield con


@pytest.mark.parametrize(
    ("named", "order"),
    [
        (("PO-1", None, None), "PO-1"),
        (("-", None, None), None),
        ((None, "-", "cup"), None),
        ((None, "10", None), "PO-1"),
    ],
)
def test_a_dash_means_what_was_made_without_an_order(
    marts: duckdb.DuckDBPyConnection, named: tuple[str | None, ...], order: str | None
) -> None:
    assert counts.find_output(marts, "plant", Where(*SHIFT, *named)).production_order_id == order


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ((None, None, "cup"), "say for which .* PO-1 / 10 / cup, - / - / cup"),
        (("-", None, "-"), "nothing such was made"),
    ],
)
def test_what_names_several_or_nothing_is_refused(
    marts: duckdb.DuckDBPyConnection, named: tuple[str | None, ...], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        counts.find_output(marts, "plant", Where(*SHIFT, *named))
