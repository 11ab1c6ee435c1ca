import hypothesis.strategies as st
from hypothesis import given

from ingestion.credit import ACTIVE_S, CreditBudget
from takt.batch import MAX_BYTES
from takt.topics import Collector


def collectors(count: int) -> list[Collector]:
    return [Collector("demo", f"collector{n}") for n in range(count)]


@given(st.integers(1, 240), st.integers(1, 5_000), st.integers(MAX_BYTES * 240, 10**9))
def test_the_shares_stay_within_the_budget(count: int, batches: int, bytes_: int) -> None:
    budget = CreditBudget(batches, bytes_)
    for collector in collectors(count):
        budget.seen(collector, 0.0)

    share = budget.share(1.0)

    assert share.batches * count <= max(batches, count)
    assert share.bytes * count <= bytes_
    assert (share.batches + 1) * count > batches


def test_one_batch_always_fits_into_a_share() -> None:
    budget = CreditBudget(500, 64_000_000)
    for collector in collectors(5_000):
        budget.seen(collector, 0.0)

    assert budget.share(0.0) == (1, MAX_BYTES)


def test_a_silent_collector_gives_its_share_to_the_others() -> None:
    budget = CreditBudget(500, 64_000_000)
    first, second = collectors(2)
    budget.seen(first, 0.0)
    budget.seen(second, ACTIVE_S)

    assert budget.share(ACTIVE_S).batches == 250
    assert budget.share(ACTIVE_S + 1).batches == 500
    assert budget.active(ACTIVE_S + 1) == [second]


def test_a_collector_that_goes_gives_its_share_at_once() -> None:
    budget = CreditBudget(500, 64_000_000)
    first, second = collectors(2)
    budget.seen(first, 0.0)
    budget.seen(second, 0.0)
    budget.gone(first)

    assert budget.share(0.0).batches == 500
