"""What generated orders cost is what a second computation says, in fractions and to the cent.

The laws of the marts (`dbt_project/tests`) are part of every build: it fails where one is broken.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import lake
from ingestion import reference
from pipelines import dbt
from takt.settings import Settings
from tests.integration.dbt import generated_costs
from tests.integration.dbt.generated_costs import NOW, GeneratedCosts
from tests.lake_fixtures import fresh_lake
from tests.oracle.cost_cards import CostCards
from tests.oracle.order_costs import OrderCosts, Works
from tests.oracle.shift_calendar import microseconds
from tests.parsed_project import share_parsed_project

HALF_A_CENT = Fraction(5, 1000)
MILLIONTHS = Fraction(1, 1000)
"""Amounts have six places until they are rounded: what that leaves of hundreds of them."""
Amounts = Mapping[Any, Fraction]


class Proof:
    """Generated works in a lake, built once, beside what they must cost."""

    def __init__(self, settings: Settings, folder: Path, seed: int, orders: int) -> None:
        self._settings = settings
        self.generated: GeneratedCosts = generated_costs.make(seed, orders)
        files = self.generated.write(folder / "files")
        report = reference.load(settings, files)
        assert report.load_id is not None, str(report)
        self.generated.tell(settings)
        share_parsed_project(settings.home)
        now = NOW.replace(tzinfo=None).isoformat(" ")
        dbt.build(settings, variables={"now": now})
        cards = CostCards(files, microseconds(NOW))
        made = self.generated
        self.works = Works(cards, made.uses, made.counts, made.periods)
        self.orders = self.works.orders()

    def amounts(self, sql: str) -> dict[tuple[Any, ...], Fraction]:
        """The last column of each row, by the others."""
        with closing(lake.open(self._settings, read_only=True)) as con:
            return {tuple(key): Fraction(last) for *key, last in con.execute(sql).fetchall()}


def check(proof: Proof) -> None:
    """Every figure of every order."""
    standard_costs(proof)
    orders_that_are_costed(proof)
    costs(proof)
    variances(proof)
    periods(proof)
    losses(proof)
    work_in_process(proof)


def standard_costs(proof: Proof) -> None:
    told = proof.amounts(
        "select cost_version_id, item_id, cost_group_id, level, unit_cost from marts.standard_cost"
    )
    assert_close(told, proof.works.cards.standard_costs(), Fraction(0))


def orders_that_are_costed(proof: Proof) -> None:
    told = proof.amounts("select distinct production_order_id, 1 from marts.order_cost")
    assert {name for (name,) in told} == {
        name for name, order in proof.orders.items() if order.costs()
    }


def costs(proof: Proof) -> None:
    told = proof.amounts(
        "select production_order_id, operation_id, cost_group_id, basis, amount from marts.order_cost"
    )
    known = {(name, *key): cost for name, order in each(proof) for key, cost in order.costs().items()}
    assert_close(told, known, HALF_A_CENT)


def variances(proof: Proof) -> None:
    told = proof.amounts(
        "select production_order_id, operation_id, cost_group_id, variance_type, detail_type,"
        " is_machine_time, amount from marts.order_variance where variance_type <> 'rounding'"
    )
    known = {
        (name, *key): cost for name, order in each(proof) for key, cost in order.variances().items()
    }
    assert_close(told, known, HALF_A_CENT)
    # What each of at most seven roundings leaves.
    rounding = proof.amounts(
        "select production_order_id, operation_id, cost_group_id, sum(abs(amount))"
        " from marts.order_variance where variance_type = 'rounding' group by all"
    )
    assert max(rounding.values(), default=Fraction(0)) <= 7 * HALF_A_CENT


def periods(proof: Proof) -> None:
    told = proof.amounts(
        "select distinct production_order_id, period_id, 0 from marts.order_variance"
    )
    ended = {
        (name, proof.works.period(order.known_at) if order.is_final else None)
        for name, order in each(proof)
    }
    assert set(told) <= ended


def losses(proof: Proof) -> None:
    key = "production_order_id, operation_id, work_unit_id, loss_category, loss_detail, cause, reason_id"
    seconds = proof.amounts(f"select {key}, lost_s from marts.loss_cost")
    money = proof.amounts(f"select {key}, amount from marts.loss_cost")
    known = {(name, *key): lost for name, order in each(proof) for key, lost in order.losses().items()}
    assert_close(seconds, {key: lost for key, (lost, _) in known.items()}, Fraction(1, 10**6))
    # They share by largest remainder what is rounded once in each of several cost groups.
    assert_close(money, {key: amount for key, (_, amount) in known.items()}, 5 * HALF_A_CENT)


def work_in_process(proof: Proof) -> None:
    told = proof.amounts(
        "select production_order_id, period_id, cost_group_id, closing_amount"
        " from marts.wip_rollforward"
    )
    known = {
        (name, *key): left
        for name, order in each(proof)
        for key, left in order.work_in_process().items()
    }
    # Both sides of each operation are rounded.
    assert_close(told, known, 2 * 4 * HALF_A_CENT)


def each(proof: Proof) -> Iterator[tuple[str, OrderCosts]]:
    yield from proof.orders.items()


def assert_close(told: Amounts, known: Amounts, tolerance: Fraction) -> None:
    """No amount differs by more; one that is not told is nought."""
    allowed = tolerance + (MILLIONTHS if tolerance else 0)
    apart = {
        key: (float(told.get(key, Fraction(0))), float(known.get(key, Fraction(0))))
        for key in {*told, *known}
        if abs(told.get(key, Fraction(0)) - known.get(key, Fraction(0))) > allowed
    }
    some = dict(sorted(apart.items(), key=str)[:8])
    assert not apart, f"{len(apart)} of {len(known)} (told, known): {some}"


@pytest.mark.timeout(600)
def test_generated_orders_cost_what_a_second_computation_says(
    catalog_server: str, tmp_path: Path
) -> None:
    with fresh_lake(catalog_server, tmp_path) as settings:
        check(Proof(settings, tmp_path, seed=1, orders=60))


@pytest.mark.proof
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(2, 14))
def test_many_generated_orders_cost_what_a_second_computation_says(
    catalog_server: str, tmp_path: Path, seed: int
) -> None:
    with fresh_lake(catalog_server, tmp_path) as settings:
        check(Proof(settings, tmp_path, seed=seed, orders=150))
