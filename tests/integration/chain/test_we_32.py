"""An accountant loads files and samples, refreshes, asks: WE-32, by commands and on the pages."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
import openpyxl
import pytest
from playwright.sync_api import Page, expect, sync_playwright

import lake
from dashboards.queries import (
    costing_sheets,
    machine_losses,
    material_usage,
    order_costs,
    quality_costs,
    revaluations,
    standard_costs,
)
from dashboards.queries.machine_losses import LossRow
from dashboards.queries.order_selection import Selection
from lake import exports
from lake.query import open_published
from takt.settings import Settings
from tests import we_32
from tests.command import run_here, run_takt
from tests.conftest import find_program
from tests.integration.dashboards.conftest import served
from tests.lake_fixtures import Template, fresh_lake
from tests.parsed_project import share_parsed_project

THE_ORDER = Selection(site_id="demo", currency="EUR", period_id="2026-03", is_current=False)
SOON_MS = 20_000

Ask = Callable[[str], list[list[str]]]
PAGE = Path(__file__).parents[3] / "docs/costs.md"


@pytest.fixture(scope="module")
def works(
    catalog_server: str, built_lake: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """An installation into which everything was loaded, refreshed."""
    folder = tmp_path_factory.mktemp("we_32")
    with fresh_lake(catalog_server, folder, built_lake) as settings:
        share_parsed_project(settings.home)
        run_takt(settings, "reference", "load", str(we_32.write_files(folder / "files")))
        run_takt(settings, "import", str(we_32.write_samples(folder / "samples.csv")))
        run_takt(settings, "refresh", "--full")
        yield settings


@pytest.fixture(scope="module")
def ask(works: Settings) -> Ask:
    """Asks by `takt sql`, in this process."""
    return lambda sql: asked(works, sql, run=run_here)


@pytest.fixture(scope="module")
def con(works: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Asks as the pages do."""
    with closing(open_published(works)) as opened:
        yield opened


def asked(settings: Settings, sql: str, run: Callable[..., str] = run_takt) -> list[list[str]]:
    """The rows of an answer, without the header."""
    return list(csv.reader(io.StringIO(run(settings, "sql", "--format", "csv", sql))))[1:]


def amounts(rows: list[list[str]]) -> dict[tuple[str, ...], Decimal]:
    return {tuple(key): Decimal(amount) for *key, amount in rows}


def test_actual_absorbed_and_estimate_are_kept_apart(ask: Ask) -> None:
    told = ask("select basis, sum(amount) from marts.order_cost group by basis")

    assert amounts(told) == {
        ("actual",): Decimal("2181.80"),
        ("absorbed",): Decimal("1888.00"),
        ("standard",): Decimal("1910.00"),
        ("estimate",): Decimal("2360.00"),
    }


def test_the_pieces_that_costs_are_of_are_told_by_operation_and_of_the_order(ask: Ask) -> None:
    told = ask(
        "select operation_id, good_quantity, basis_quantity, quantity_source"
        " from marts.order_output order by operation_id nulls last"
    )

    assert told == [
        ["mould", "80.000000", "80.000000", "counted"],
        ["", "80.000000", "80.000000", "counted"],
    ]


def test_the_variances_are_those_of_we_32(ask: Ask) -> None:
    told = ask("select variance_type, sum(amount) from marts.order_variance group by variance_type")
    quantity = ask(
        "select cost_group_id, detail_type, amount from marts.order_variance"
        " where variance_type = 'quantity'"
    )

    assert amounts(told) == {
        ("lot_size",): Decimal("22.00"),
        ("quantity",): Decimal("170.00"),
        ("price",): Decimal("63.00"),
        ("substitution",): Decimal("38.80"),
    }
    assert amounts(quantity) == {
        ("resin", "material_scrap"): Decimal("31.50"),
        ("resin", "material_usage"): Decimal("3.50"),
        ("machine", "setup_efficiency"): Decimal("30.00"),
        ("machine", "machine_efficiency"): Decimal("60.00"),
        ("factory", "overhead_efficiency"): Decimal("45.00"),
    }


def test_every_lost_minute_has_its_money(ask: Ask) -> None:
    told = ask("select loss_category, reason_id, lost_s, amount from marts.loss_cost")

    assert {
        (category, reason): (Decimal(lost_s), Decimal(amount))
        for category, reason, lost_s, amount in told
    } == {
        ("availability", "jam"): (Decimal(1800), Decimal("45.00")),
        ("performance", ""): (Decimal(720), Decimal("18.00")),
        ("quality", ""): (Decimal(1080), Decimal("27.00")),
        ("setup", ""): (Decimal(1800), Decimal("45.00")),
    }


def test_each_shift_has_its_variances(ask: Ask) -> None:
    told = ask(
        "select work_unit_id, production_date, sum(amount) from marts.order_variance_shift"
        " group by all"
    )
    [(machine, losses)] = ask(
        "select (select sum(amount) from marts.order_variance_shift where is_machine_time),"
        " (select sum(amount) from marts.loss_cost)"
    )

    assert {unit for unit, *_ in told} == {we_32.PRESS}
    assert sum(Decimal(amount) for *_, amount in told) == Decimal("293.80")
    assert machine == losses == "135.00"


def test_the_oee_of_the_shift_tells_of_the_same_minutes(ask: Ask) -> None:
    ((availability, performance, quality, oee, nee),) = ask(
        "select round(availability, 4), round(effectiveness, 4), round(quality_ratio, 4),"
        " round(oee_index, 4), round(nee_index, 4) from marts.work_unit_shift"
        " where definition_id = 'iso22400' and production_date = '2026-03-02'"
    )

    assert (availability, performance, quality) == ("0.8095", "0.9765", "0.9639")
    assert (oee, nee) == ("0.7619", "0.8964")


def test_every_question_of_the_page_has_an_answer(works: Settings) -> None:
    questions = re.findall(
        r"```sql\n(.*?)```", PAGE.read_text().split("## Ten questions")[1], re.DOTALL
    )
    with closing(open_published(works)) as con:
        answers = [con.execute(question).fetchall() for question in questions]

    assert len(answers) == 10
    # No time was idle, nothing is in process any more, and nothing was closed.
    assert [number for number, rows in enumerate(answers, 1) if not rows] == [5, 6, 10]
    assert answers[0][0][:4] == ("1001", Decimal(1888), Decimal("2181.80"), Decimal("293.80"))
    assert answers[3] == [(Decimal(135), Decimal(135))]


def test_a_page_goes_from_absorbed_to_actual_without_a_rest(con: duckdb.DuckDBPyConnection) -> None:
    totals = order_costs.order_totals(con, selection=THE_ORDER)
    variances = order_costs.variances(con, selection=THE_ORDER)
    [order] = order_costs.orders(con, selection=THE_ORDER, find="1001", limit=9)

    assert (totals.orders, totals.running) == (1, 0)
    assert totals.absorbed + sum(each.amount for each in variances) == totals.actual
    assert (order.absorbed, order.actual) == (Decimal("1888.00"), Decimal("2181.80"))
    assert (order.detail_type, order.detail_amount) == ("machine_rate", Decimal("63.00"))


def test_an_order_is_told_in_the_period_in_which_it_ended_only(
    con: duckdb.DuckDBPyConnection,
) -> None:
    elsewhere = Selection(site_id="demo", currency="EUR", period_id="2026-02", is_current=False)

    assert order_costs.order_totals(con, selection=elsewhere).orders == 0
    assert order_costs.orders(con, selection=THE_ORDER, find="nothing like it", limit=9) == []


def test_the_time_behind_a_stop_is_as_long_as_its_loss(con: duckdb.DuckDBPyConnection) -> None:
    jam = loss_of(con, "jam")

    [stretch] = machine_losses.stretches(con, loss=jam, limit=9)
    since, until = machine_losses.around(stretch.started_at, stretch.ended_at)
    samples = machine_losses.samples(
        con, order_id="1001", work_unit_id=we_32.PRESS, since=since, until=until, limit=9
    )

    assert stretch.length_s == stretch.total_s == jam.lost_s == 1800
    assert [(sample.signal, sample.text) for sample in samples] == [
        ("State", "stop"),
        ("Reason", "jam"),
        ("State", "run"),
    ]


def test_behind_a_lost_speed_stands_the_production_in_which_it_was(
    con: duckdb.DuckDBPyConnection,
) -> None:
    stretches = machine_losses.stretches(con, loss=loss_of(con, None, "reduced_speed"), limit=9)

    assert {stretch.category for stretch in stretches} == {"production"}
    assert stretches[0].total_s == 8.5 * 3600


def test_what_a_unit_is_made_of_is_its_standard_cost(con: duckdb.DuckDBPyConnection) -> None:
    nodes = standard_costs.nodes(con, cost_version_id="std", item_id="FG")

    assert {(each.node, each.component_item_id): each.amount for each in nodes} == {
        ("component", "RM1"): Decimal("10.50"),
        ("component", "RM2"): Decimal("3.00"),
        ("component", "PAL"): Decimal("0.20"),
        ("setup", None): Decimal("0.60"),
        ("run", None): Decimal("6.00"),
        ("overhead", None): Decimal("3.30"),
    }


def test_a_new_version_revalues_what_was_counted_before_it(con: duckdb.DuckDBPyConnection) -> None:
    stock = revaluations.revalued(con, cost_version_id="now", limit=1)

    # 100 finished pieces, whose 6 minutes and setup cost 66.00 instead of 60.00 an hour.
    assert [
        (each.item_id, each.row_count, each.unknown_count, each.previous_amount, each.difference)
        for each in stock
        if not each.is_rest
    ] == [("FG", 1, 0, Decimal("2360.00"), Decimal("66.00"))]
    assert [
        (each.row_count, each.unknown_count, each.amount) for each in stock if each.is_rest
    ] == [(2, 1, Decimal("5000.00"))]
    assert revaluations.revalued(con, cost_version_id="std", limit=1) == []


def test_a_costing_sheet_has_its_subtotals_and_what_it_leaves_out(
    con: duckdb.DuckDBPyConnection,
) -> None:
    of_unit = costing_sheets.unit_cost_lines(con, cost_version_id="std", item_id="FG")
    of_order = costing_sheets.order_cost_lines(con, order_id="1001")

    assert [(each.name, each.depth, each.rolled_up) for each in of_unit] == [
        ("Granulate", 3, Decimal("10.50")),
        ("Lids", 3, Decimal("3.00")),
        ("Raw material", 2, Decimal("13.50")),
        ("Machines", 2, Decimal("6.60")),
        ("Prime cost", 1, Decimal("20.10")),
        ("Works overhead", 1, Decimal("3.30")),
        ("material", 2, Decimal("0.20")),
        ("Not on the sheet", 1, Decimal("0.20")),
        ("Total", 0, Decimal("23.60")),
    ]
    assert [each.name for each in of_order] == [each.name for each in of_unit]
    total = of_order[-1]
    assert (total.absorbed, total.actual) == (Decimal("1888.00"), Decimal("2181.80"))
    assert total.variance == Decimal("293.80")


@pytest.fixture
def page(works: Settings) -> Iterator[Page]:
    """A browser's page of a dashboard over the lake."""

    def open_lake(snapshot_id: int | None = None) -> duckdb.DuckDBPyConnection:
        return lake.open(works, read_only=True, snapshot_id=snapshot_id)

    with served(open_lake) as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_program("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        opened = chromium.new_page(viewport={"width": 1440, "height": 900}, base_url=server.address)
        opened.set_default_timeout(SOON_MS)
        yield opened
        chromium.close()


@pytest.mark.browser
def test_three_clicks_lead_from_an_order_to_what_its_machine_said(page: Page) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/costs?period=2026-03")

    expect(page.get_by_role("table", name="Cost of quality")).to_contain_text(
        "Internal failure", timeout=SOON_MS
    )
    link = page.get_by_role("link", name="Order 1001: what it is made of")
    expect(page.get_by_role("row").filter(has=link)).to_contain_text("80 of 100")
    link.click()
    expect(page.get_by_role("table", name="Material of the order")).to_contain_text(
        "Granulate", timeout=SOON_MS
    )
    page.get_by_role(
        "link", name=re.compile("jam.*: the machine time behind it", re.IGNORECASE)
    ).click()
    page.get_by_role("link", name="what the machine said").click()

    samples = page.get_by_role("table", name="Samples")
    expect(samples.get_by_role("row")).to_have_count(4, timeout=SOON_MS)
    expect(samples).to_contain_text("jam")
    assert set(parse_qs(urlsplit(page.url).query)) == {"period", "order", "loss", "at"}
    page.go_back()
    expect(samples).to_be_hidden(timeout=SOON_MS)
    expect(page.get_by_role("table", name="Machine time behind the loss")).to_be_visible(
        timeout=SOON_MS
    )
    assert complaints == []


def test_what_quality_cost_is_asked_by_date_and_order(con: duckdb.DuckDBPyConnection) -> None:
    def found(**asked: object) -> list[tuple[str, str, Decimal]]:
        told = quality_costs.quality_costs(con, site_id="demo", currency="EUR", **asked)  # type: ignore[arg-type]
        return [(each.category, each.result, each.quantity) for each in told]

    scrap = [("internal_failure", "scrap", Decimal(3))]
    assert found() == found(order_id="1001") == found(since=date(2026, 3, 2)) == scrap
    assert found(until=date(2026, 3, 2)) == found(order_id="1002") == []


def test_material_stands_beside_what_was_planned(con: duckdb.DuckDBPyConnection) -> None:
    told = material_usage.used_material(con, order_id="1001")

    assert [(each.item_id, each.planned, each.issued, each.amount) for each in told] == [
        ("RM1", Decimal(168), Decimal(175), Decimal("875.00")),
        ("RM3", None, Decimal(82), Decimal("278.80")),
        ("PAL", Decimal(1), Decimal(1), Decimal("20.00")),
        ("RM2", Decimal(80), None, Decimal(0)),
    ]
    assert {each.item_id: each.is_planned and each.excess for each in told} == {
        "RM1": Decimal("0.041667"),
        "RM3": False,
        "PAL": 0,
        "RM2": -1,
    }


@pytest.mark.browser
def test_a_version_shows_what_it_made_of_what_was_there(page: Page) -> None:
    page.goto("/costs/item")

    revalued = page.get_by_role("table", name="Revaluation", exact=True)
    expect(revalued.get_by_role("row").nth(1)).to_contain_text("7,426.00", timeout=SOON_MS)
    expect(page.get_by_role("table", name="Revaluation of stock")).to_contain_text(
        "66.00", timeout=SOON_MS
    )
    page.goto("/costs/item?version=std")
    expect(page.get_by_text("it revalues nothing")).to_be_visible(timeout=SOON_MS)


@pytest.mark.browser
def test_costing_sheets_stand_with_their_subtotals_on_the_pages(page: Page) -> None:
    page.goto("/costs/item?version=std&with=now")
    sheet = page.get_by_role("table", name="Costing sheet")
    expect(sheet.get_by_role("row").nth(5)).to_have_text(
        "Prime cost20.100020.100020.7600\N{MINUS SIGN}0.6600F", timeout=SOON_MS
    )
    expect(sheet.get_by_role("row").last).to_have_text(
        "Total23.600023.600024.2600\N{MINUS SIGN}0.6600F", timeout=SOON_MS
    )

    page.goto("/costs?period=2026-03&order=1001")
    sheet = page.get_by_role("table", name="Costing sheet of the order")
    summary = page.get_by_text("Costing sheet: all operations together")
    expect(summary).to_be_visible(timeout=SOON_MS)
    expect(sheet).to_be_hidden()
    summary.click()
    expect(sheet.get_by_role("row").last).to_have_text(
        "Total2,360.001,910.001,888.002,181.80293.80U", timeout=SOON_MS
    )


def test_a_closed_period_is_listed_exported_as_reported_and_balances(
    works: Settings, tmp_path: Path
) -> None:
    closed = run_takt(works, "close", "2026-03", "--by", "Ann")
    assert "2026-03 is closed" in closed
    assert "by Ann" in run_takt(works, "periods")

    exported = tmp_path / "variance.csv"
    run_takt(
        works, "export", "variance", "--period", "2026-03", "--format", "csv", "--output", exported
    )
    told = list(csv.DictReader(exported.open()))
    assert sum(Decimal(row["amount"]) for row in told) == Decimal("293.80")
    book = tmp_path / "variance.xlsx"
    said = exports.write(works, "variance", "2026-03", "xlsx", book, sheet_rows=len(told) - 1)
    assert openpyxl.load_workbook(book).sheetnames == ["Orders", "Losses as known now"]
    assert "left out, as a sheet holds 9 rows: Variances by type, Variances, Shifts" in said
    ((debit, credit),) = asked(
        works, "select sum(debit_amount), sum(credit_amount) from marts.journal where is_posted"
    )
    assert debit == credit


@pytest.mark.proof
def test_what_changes_of_a_closed_period_is_posted_by_name(works: Settings, tmp_path: Path) -> None:
    # A pallet comes to light that was issued to the order.
    forgotten = we_32.FILES["material_movement"] + "4,1001,,PAL,,1,,2026-03-02T12:00:00+01:00\n"
    files = we_32.write_files(tmp_path / "files", material_movement=forgotten)
    if "by Ann" not in run_takt(works, "periods"):
        run_takt(works, "close", "2026-03", "--by", "Ann")
    run_takt(works, "reference", "load", str(files))
    run_takt(works, "refresh")

    posted = asked(
        works,
        "select period_id, measure, amount from marts.period_posting where is_adjustment"
        " order by measure",
    )
    assert posted == [["2026-04", "material", "20.00"], ["2026-04", "quantity_variance", "20.00"]]
    sides = asked(
        works,
        "select measure, reported_amount, known_amount from marts.period_comparison"
        " where is_closed and difference_amount <> 0 order by measure",
    )
    assert sides[0] == ["material", "20.00", "40.00"]

    run_takt(works, "reopen", "2026-03", "--by", "Ann", "--reason", "the pallet")
    assert asked(works, "select count(*) from marts.period_posting where is_adjustment") == [["0"]]


def loss_of(con: duckdb.DuckDBPyConnection, reason_id: str | None, detail: str = "stop") -> LossRow:
    """The loss of the order with a reason, or of a kind."""
    losses = machine_losses.order_losses(con, order_id="1001")
    return next(
        each for each in losses if (each.reason_id, each.loss_detail) == (reason_id, detail)
    )
