"""The table of variances by work unit and shift."""

from decimal import Decimal

from dashboards.costs.places import place_table
from dashboards.queries.order_costs import PlaceVariance


def place(unit: str | None, shift: str | None, amount: str) -> PlaceVariance:
    name = unit and unit.title()
    return PlaceVariance(
        work_unit_id=unit, work_unit_name=name, shift_id=shift, amount=Decimal(amount)
    )


def words(component: object) -> str:
    """What a component and those in it say, in their order."""
    children = getattr(component, "children", component)
    if isinstance(children, list | tuple):
        return " ".join(filter(None, map(words, children)))
    return words(children) if hasattr(children, "children") else str(children or "")


def rows_of(found: list[PlaceVariance]) -> list[list[str]]:
    head, body = place_table(found, "EUR").children.children
    lines = [head.children, *body.children]
    return [[words(cell) for cell in line.children] for line in lines]


def test_the_dearest_work_unit_stands_first_and_what_is_nowhere_last() -> None:
    found = [
        place("mill", "early", "10"),
        place("press", "early", "-30"),
        place("press", "late", "5"),
        place(None, None, "2"),
    ]

    assert rows_of(found) == [
        ["Work unit, EUR", "Early shift", "Late shift", "No shift", "All"],
        ["Press", "−30.00 F", "5.00 U", "–", "−25.00 F"],
        ["Mill", "10.00 U", "–", "–", "10.00 U"],
        ["No work unit", "–", "–", "2.00 U", "2.00 U"],
        ["All", "−20.00 F", "5.00 U", "2.00 U", "−13.00 F"],
    ]


def test_work_units_without_a_row_are_summed() -> None:
    found = [place(f"m{number:02}", "early", str(100 - number)) for number in range(15)]

    told = rows_of(found)

    assert len(told) == 1 + 12 + 1 + 1
    assert told[-2] == ["3 other work units", "261.00 U", "261.00 U"]
    assert told[-1] == ["All", "1,395.00 U", "1,395.00 U"]
