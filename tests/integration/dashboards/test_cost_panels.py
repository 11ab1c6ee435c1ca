"""Parts of the pages of costs over two sites in a tiny lake: what they ask for and say."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from dash.development.base_component import Component
from plotly.io.json import to_json_plotly

from dashboards import feed as feed_module
from dashboards.app import Dashboard
from dashboards.costs import equivalent_units, quality_costs, revaluations
from takt.settings import Settings
from tests.unit.dashboards import plant

_COSTS = """
create table marts.dim_cost_version(
    cost_version_id varchar, site_id varchar, cost_version_type varchar, status varchar,
    valid_from timestamp, previous_version_id varchar, currency varchar
);
insert into marts.dim_cost_version values
    ('std', 'demo', 'standard', 'active', null, null, 'EUR'),
    ('new', 'demo', 'standard', 'active', '2026-03-01', 'std', 'EUR'),
    ('next', 'demo', 'standard', 'active', '2026-07-01', 'new', 'EUR');
create table marts.cost_rollup(cost_version_id varchar, item_id varchar, low_level integer);
insert into marts.cost_rollup values ('std', 'FG', 0), ('new', 'FG', 0), ('next', 'FG', 0);
create table marts.revaluation(
    cost_version_id varchar, kind varchar, item_id varchar, production_order_id varchar,
    quantity decimal(18, 6), previous_unit_cost decimal(18, 6), unit_cost decimal(18, 6),
    previous_amount decimal(18, 2), amount decimal(18, 2), difference_amount decimal(18, 2)
);
create table marts.dim_period(
    period_id varchar, starts_at timestamp, ends_at timestamp, is_closed boolean
);
insert into marts.dim_period values
    ('2026-02', '2026-01-31 23:00', '2026-02-28 23:00', true),
    ('2026-03', '2026-02-28 23:00', '2026-03-31 22:00', false);
create table marts.dim_production_order(production_order_id varchar, site_id varchar);
insert into marts.dim_production_order values ('1001', 'demo'), ('2001', 'newark');
create table marts.order_cost(production_order_id varchar, currency varchar);
insert into marts.order_cost values ('1001', 'EUR'), ('2001', 'USD');
create table marts.cost_of_quality(
    site_id varchar, production_order_id varchar, production_date date,
    quality_cost_category varchar, result varchar, quantity decimal(18, 6), unit varchar,
    amount decimal(18, 2), currency varchar
);
create table marts.dim_item(item_id varchar, name varchar, unit varchar);
create table marts.equivalent_unit(
    production_order_id varchar, operation_id varchar, item_id varchar, period_id varchar,
    cost_class varchar, completed_quantity decimal(18, 6), in_process_quantity decimal(18, 6),
    complete_ratio decimal(18, 6), equivalent_quantity decimal(24, 9), unit_cost decimal(18, 6),
    transferred_amount decimal(18, 2), in_process_amount decimal(18, 2), currency varchar
);
"""


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Demo in Berlin, Newark in its own time; a period each month, by the clock of the first."""
    with plant.tiny_lake() as lake:
        lake.execute(_COSTS)
        lake.execute(
            "insert into marts.live_overview by name select * replace ('newark' as equipment_id,"
            " 'America/New_York' as time_zone) from marts.live_overview where level = 'site'"
        )
        yield lake


@pytest.fixture
def dashboard(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Dashboard:
    monkeypatch.setattr(feed_module, "_now", lambda: plant.NOW)
    made = Dashboard(lambda snapshot_id=None: con.cursor(), Settings(home=tmp_path))
    made.feed.read()
    return made


def text(parts: list[Component]) -> str:
    return json.dumps(json.loads(to_json_plotly(parts)), ensure_ascii=False)


def fail(con: duckdb.DuckDBPyConnection, site: str, day: str, result: str, **told: object) -> None:
    con.execute(
        "insert into marts.cost_of_quality by name select $site as site_id, $day::date as"
        " production_date, 'internal_failure' as quality_cost_category, $result as result,"
        " 1 as quantity, 'pcs' as unit, $amount::decimal(18, 2) as amount, $currency as currency",
        {"site": site, "day": day, "result": result, "amount": None, "currency": None, **told},
    )


def test_what_quality_cost_in_a_period_is_by_the_clock_of_the_chosen_site(
    con: duckdb.DuckDBPyConnection, dashboard: Dashboard
) -> None:
    # March begins in Berlin at 23:00 UTC on the 28th of February, which is 18:00 of that day there.
    fail(con, "newark", "2026-02-27", "scrap", amount="11.00", currency="USD")
    fail(con, "newark", "2026-02-28", "rework", amount="7.00", currency="USD")

    march = text(quality_costs.categories(dashboard, {"site": "newark/USD"}))
    february = text(
        quality_costs.categories(dashboard, {"site": "newark/USD", "period": "2026-02"})
    )

    assert "Rework" in march
    assert "Scrap" not in march
    assert "Scrap" in february
    assert "Rework" not in february


def test_what_has_no_currency_is_shown_and_counted_as_not_known(
    con: duckdb.DuckDBPyConnection, dashboard: Dashboard
) -> None:
    fail(con, "demo", "2026-03-02", "scrap", amount="31.50", currency="EUR")
    fail(con, "demo", "2026-03-02", "return", amount="5.00")

    told = text(quality_costs.categories(dashboard, {}))

    assert "Return" in told
    assert "31.50" in told
    assert "36.50" not in told
    assert "1 entry without a rate, a standard cost or a currency" in told


def test_the_label_of_what_quality_cost_says_that_no_choice_of_orders_narrows_it(
    dashboard: Dashboard,
) -> None:
    shown = quality_costs.what_is_shown(dashboard, {"status": "ended"})

    assert shown == ["All that happened in 2026-03, so far, of ended and of running orders"]
    assert quality_costs.what_is_shown(dashboard, {"order": "1001"}) == ["Order 1001"]


def test_operations_that_are_worth_most_in_process_are_shown_and_the_others_counted(
    con: duckdb.DuckDBPyConnection, dashboard: Dashboard
) -> None:
    con.execute(
        "insert into marts.equivalent_unit select '1001', 'op' || n, 'FG', '2026-03', cost_class,"
        " 10, 5, 0.5, 12.5, 4, 40, 10 + n, 'EUR'"
        " from range(53) as places(n), (values ('material'), ('conversion')) as of(cost_class)"
    )

    (panel,) = equivalent_units.in_process(dashboard, {})
    told = text([panel])

    assert told.count('"1001, op') == 2 * 50
    assert '"1001, op52"' in told
    assert '"1001, op2"' not in told
    assert "3 further operations." in told


def test_where_nothing_is_in_process_nothing_is_said_of_process_costing(
    dashboard: Dashboard,
) -> None:
    assert equivalent_units.in_process(dashboard, {}) == []


def test_a_version_is_told_by_whether_it_has_begun(
    con: duckdb.DuckDBPyConnection, dashboard: Dashboard
) -> None:
    con.execute(
        "insert into marts.revaluation values"
        " ('new', 'in_process', 'FG', '1001', 2, 10, 11, 20, 22, 2),"
        " ('next', 'in_process', 'FG', '1001', 2, 11, 12, 22, 24, 2)"
    )

    begun = text(revaluations.shown(dashboard, {"version": "new"}))
    to_begin = text(revaluations.shown(dashboard, {"version": "next"}))

    assert "On 1 Mar 2026 at 01:00 new took the place of std: what was there then" in begun
    assert "On 1 Jul 2026 at 02:00 next will take the place of new: what is there so" in to_begin
    assert "Orders that were in process" in begun
    assert "Orders that are in process" in to_begin
    assert "No stock has been counted yet" in to_begin
    assert "it revalues nothing" in text(revaluations.shown(dashboard, {"version": "std"}))
