"""A cost accountant loads files and samples, refreshes, asks: WE-32 to the cent, by the commands."""

import csv
import io
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from takt.settings import Settings
from tests import we_32
from tests.command import run_takt
from tests.lake_fixtures import fresh_lake
from tests.parsed_project import share_parsed_project

Ask = Callable[[str], list[list[str]]]


@pytest.fixture(scope="module")
def ask(catalog_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks by `takt sql` after everything was loaded and refreshed."""
    folder = tmp_path_factory.mktemp("we_32")
    with fresh_lake(catalog_server, folder) as settings:
        share_parsed_project(settings.home)
        run_takt(settings, "reference", "load", str(we_32.write_files(folder / "files")))
        run_takt(settings, "import", str(we_32.write_samples(folder / "samples.csv")))
        run_takt(settings, "refresh")
        yield lambda sql: asked(settings, sql)


def asked(settings: Settings, sql: str) -> list[list[str]]:
    """The rows of an answer, without the header."""
    return list(csv.reader(io.StringIO(run_takt(settings, "sql", "--format", "csv", sql))))[1:]


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


def test_the_oee_of_the_shift_tells_of_the_same_minutes(ask: Ask) -> None:
    ((availability, performance, quality, oee, nee),) = ask(
        "select round(availability, 4), round(effectiveness, 4), round(quality_ratio, 4),"
        " round(oee_index, 4), round(nee_index, 4) from marts.work_unit_shift"
        " where definition_id = 'iso22400' and production_date = '2026-03-02'"
    )

    assert (availability, performance, quality) == ("0.8095", "0.9765", "0.9639")
    assert (oee, nee) == ("0.7619", "0.8964")
