from decimal import Decimal

import pytest

from dashboards.figures import age_classes, paretos, waterfalls
from dashboards.queries.machine_losses import LossSum
from dashboards.queries.work_in_process import WipRow


def loss(detail: str, amount: str, reason: str | None = None) -> LossSum:
    return LossSum(
        loss_detail=detail,
        cause="internal" if detail == "stop" else None,
        reason_name=reason,
        lost_s=Decimal(60),
        amount=Decimal(amount),
    )


def in_process(order: str, closing: str, age_days: int) -> WipRow:
    nothing = Decimal(0)
    return WipRow(
        production_order_id=order,
        item_id="FG",
        item_name="Finished",
        opening=nothing,
        material=nothing,
        conversion=nothing,
        overhead=nothing,
        subcontract=nothing,
        output=nothing,
        variance=nothing,
        closing=Decimal(closing),
        age_days=age_days,
    )


def words(figure: object) -> str:
    notes = figure.layout.annotations  # type: ignore[attr-defined]
    return "|".join(note.text for note in notes).replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_each_variance_hangs_where_the_one_before_ended() -> None:
    steps = {"Lot size": Decimal(22), "Quantity": Decimal(170), "Price": Decimal(-63)}

    bars = waterfalls.variances(Decimal(200), steps, Decimal(329), "EUR").data[0]

    assert list(bars.base) == [0, 200, 222, 392, 0]
    assert list(bars.x) == [200, 22, 170, -63, 329]


def test_a_variance_is_told_by_letter_and_pattern_not_by_colour_alone() -> None:
    steps = {"Quantity": Decimal(170), "Price": Decimal(-63)}

    figure = waterfalls.variances(Decimal(200), steps, Decimal(307), "EUR")

    assert "170 EUR U" in words(figure)
    assert "−63.00 EUR F" in words(figure)
    unfavourable, favourable = figure.data[0].marker.pattern.shape[1:3]
    assert unfavourable != favourable


def test_small_variances_of_a_great_cost_are_seen_and_the_cut_axis_says_so() -> None:
    steps = {"Quantity": Decimal(10_000)}

    figure = waterfalls.variances(Decimal(300_000), steps, Decimal(310_000), "EUR")

    start, end = figure.layout.xaxis.range
    assert start == 290_000
    assert 310_000 < end < 320_000
    assert figure.layout.xaxis.title.text == "EUR, from 290,000 on"
    bars = figure.data[0]
    assert [base + length for base, length in zip(bars.base, bars.x, strict=True)] == [
        300_000,
        310_000,
        310_000,
    ]


def test_losses_stand_dearest_first_and_gains_have_no_share() -> None:
    losses = [loss("stop", "90", "Jam"), loss("minor_stop", "10"), loss("rejects", "-5")]

    bars, share = paretos.machine_losses(losses, "EUR").data

    assert list(bars.y) == ["Jam", "Minor stops", "Rejected pieces"]
    assert list(bars.x) == [90, 10, -5]
    assert list(share.x) == [0.9, 1.0]


def test_many_reasons_end_in_one_bar_and_no_money_is_left_out() -> None:
    losses = [loss("stop", str(20 - place), f"Reason {place}") for place in range(14)]
    losses.append(loss("setup", "-3"))

    bars = paretos.machine_losses(losses, "EUR").data[0]

    assert len(bars.y) == 9
    assert "7 other reasons" in bars.y
    assert sum(bars.x) == float(sum(each.amount for each in losses))


def test_work_in_process_is_grouped_by_age_up_to_and_including() -> None:
    orders = [in_process("1", "5", 2), in_process("2", "7", 3), in_process("3", "-1", 400)]

    bars = age_classes.work_in_process(orders, "EUR").data[0]

    assert dict(zip(bars.y, bars.x, strict=True)) == {
        "up to 2 days": 5,
        "3 to 7 days": 7,
        "8 to 14 days": 0,
        "15 to 30 days": 0,
        "older": -1,
    }


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (paretos.machine_losses([], "EUR"), "No machine time was lost"),
        (
            age_classes.work_in_process([in_process("1", "0", 5)], "EUR"),
            "Nothing is in process at the end of the period",
        ),
    ],
)
def test_a_figure_of_nothing_says_so(figure: object, said: str) -> None:
    assert words(figure) == said
