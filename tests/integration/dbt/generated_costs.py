"""Works whose orders cost something, from a seed; hard cases are the rule.

Belongs here: how the parts are put together. What it must cost is in `tests.oracle`.
"""

from random import Random

from tests.integration.dbt.generated_orders import Orders
from tests.integration.dbt.generated_plant import Generated, Plant
from tests.integration.dbt.generated_products import COSTING_SHEET, Costs, Products


def make(seed: int, orders: int) -> Generated:
    """Works by a seed, with so many orders beside the few that are always there."""
    works = Generated(Random(seed))
    Plant(works, has_periods=seed % 2 == 1).make()
    products = Products(works)
    products.make()
    Costs(works, products).make()
    Orders(works, products).make(orders)
    if seed % 2 == 0:
        works.files["costing_sheet"] = [*COSTING_SHEET]
    return works
