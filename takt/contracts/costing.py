"""Business files of product costing: versions and their rates, exchange rates, periods."""

from decimal import Decimal

from takt.contracts.columns import ITEM, SITE, WORK_UNIT, choice, id_column, positive, quantity
from takt.contracts.table import Column, Kind, Reference, TableContract, Type

_COST_VERSION = Reference(("cost_version_id",), "cost_version", ("cost_version_id",))

TABLES = (
    TableContract(
        "cost_version",
        Kind.MASTER,
        "One set of costs; of the active standard versions of a site the latest begun one counts.",
        (
            id_column("cost_version_id", "The costing version.", is_required=True),
            choice("type", ("standard", "planned"), "What it is for.", is_required=True),
            id_column("site_id", "The site whose costs it holds.", is_required=True),
            Column("valid_from", Type.TIMESTAMP, "When it begins to count, UTC; empty: ever."),
            choice("status", ("pending", "active"), "Only active ones count.", is_required=True),
            id_column("fallback_version_id", "Where a cost is looked up that it lacks."),
            id_column("currency", "Currency of its amounts, ISO 4217, e.g. EUR.", is_required=True),
        ),
        ("cost_version_id",),
        (
            SITE,
            Reference(("fallback_version_id",), "cost_version", ("cost_version_id",)),
        ),
    ),
    TableContract(
        "cost_rate",
        Kind.MASTER,
        "What an hour or a unit costs at a work unit; rates of several categories add up.",
        (
            id_column("cost_version_id", "The costing version.", is_required=True),
            id_column(
                "cost_category_id", "What is paid for: machine, labour …; a cost group of its own."
            ),
            id_column("work_unit_id", "equipment_id of the work unit; empty: any."),
            choice("kind", ("setup", "run", "quantity"), "What is priced.", is_required=True),
            Column(
                "rate",
                Type.DECIMAL,
                "Per hour of setup or run, per unit of quantity, in the version's currency.",
                is_required=True,
                minimum=Decimal(0),
            ),
            Column("valid_from", Type.TIMESTAMP, "When it begins to count, UTC; empty: ever."),
        ),
        ("cost_version_id", "cost_category_id", "work_unit_id", "kind", "valid_from"),
        (_COST_VERSION, WORK_UNIT),
    ),
    TableContract(
        "item_cost",
        Kind.MASTER,
        "What a bought item costs, and the lot over which a made one's constant costs spread.",
        (
            id_column("cost_version_id", "The costing version.", is_required=True),
            id_column("item_id", "The item.", is_required=True),
            quantity(
                "unit_cost",
                "Cost per unit, in the version's currency; where the item is made, only its weight"
                " among co-products.",
            ),
            positive(
                "costing_lot_quantity",
                "Lot over which setup and constant quantities spread, in its unit; empty: 1.",
            ),
            quantity(
                "sales_price",
                "What a unit is sold for: what its loss at a bottleneck costs, and the weight of"
                " joint products.",
            ),
            quantity(
                "separable_unit_cost",
                "What a unit of a joint product costs after split-off, before it is sold.",
            ),
        ),
        ("cost_version_id", "item_id"),
        (_COST_VERSION, ITEM),
    ),
    TableContract(
        "overhead_formula",
        Kind.MASTER,
        "One overhead on what is made; it bears on what is added at the item, not on its parts'.",
        (
            id_column("cost_version_id", "The costing version.", is_required=True),
            id_column("overhead_id", "The overhead: a cost group of its own.", is_required=True),
            choice(
                "kind",
                ("surcharge", "per_hour", "per_unit"),
                "surcharge: share of a cost; per_hour: of setup and run; per_unit: of the item.",
                is_required=True,
            ),
            id_column(
                "base",
                "surcharge: the cost group; per_hour: the cost category; per_unit: the item group;"
                " empty: all.",
            ),
            Column(
                "rate",
                Type.DECIMAL,
                "Share (0.1 is 10 %), or amount per hour or unit in the version's currency.",
                is_required=True,
                minimum=Decimal(0),
            ),
        ),
        ("cost_version_id", "overhead_id", "base"),
        (_COST_VERSION,),
    ),
    TableContract(
        "stock",
        Kind.TRANSACTION,
        "How much of an item a site had at a moment: what a new costing version revalues.",
        (
            id_column("site_id", "The site that has it.", is_required=True),
            id_column("item_id", "The item, bought or made.", is_required=True),
            Column(
                "counted_at",
                Type.TIMESTAMP,
                "When it was counted, UTC; it holds until the next count.",
                is_required=True,
            ),
            quantity(
                "quantity",
                "Quantity in stock, in the item's unit, without what is in process; 0: none.",
                is_required=True,
            ),
        ),
        ("site_id", "item_id", "counted_at"),
        (SITE, ITEM),
    ),
    TableContract(
        "account_map",
        Kind.MASTER,
        "Which accounts a posting debits and credits; what is not mapped has accounts of its name.",
        (
            choice(
                "measure",
                (
                    "material",
                    "conversion",
                    "overhead",
                    "subcontract",
                    "output",
                    "lot_size_variance",
                    "quantity_variance",
                    "price_variance",
                    "substitution_variance",
                    "rounding_variance",
                ),
                "What is posted: what goes into work in process, and what leaves it.",
                is_required=True,
            ),
            id_column("cost_group_id", "The cost group; empty: every one that is not named."),
            id_column("debit_account", "The account that is debited.", is_required=True),
            id_column("credit_account", "The account that is credited.", is_required=True),
        ),
        ("measure", "cost_group_id"),
    ),
    TableContract(
        "costing_sheet",
        Kind.MASTER,
        "One line of the costing sheet, or one more cost group of a line; without any: the default"
        " sheet.",
        (
            id_column(
                "line_id",
                "The line; total and what begins with not_on_sheet are lines of Takt's own.",
                is_required=True,
            ),
            id_column("parent_line_id", "The subtotal that it goes into; empty: the total."),
            Column(
                "sequence",
                Type.INTEGER,
                "Its place among the lines of that subtotal, the smallest first; empty: after those"
                " that have one.",
            ),
            Column("name", Type.TEXT, "What is printed.", is_required=True),
            id_column(
                "cost_group_id",
                "The cost group that it takes; empty: it is the subtotal of the lines below it. A"
                " line that takes several has a row for each.",
            ),
        ),
        ("line_id", "cost_group_id"),
        (Reference(("parent_line_id",), "costing_sheet", ("line_id",)),),
    ),
    TableContract(
        "exchange_rate",
        Kind.MASTER,
        "What a currency is worth in the common one, from a moment on.",
        (
            id_column("currency", "The currency, ISO 4217, e.g. SEK.", is_required=True),
            Column("valid_from", Type.TIMESTAMP, "When it begins to count, UTC; empty: ever."),
            positive(
                "rate",
                "Units of the common currency for one of this; the common currency's own is 1.",
                is_required=True,
            ),
        ),
        ("currency", "valid_from"),
    ),
    TableContract(
        "period",
        Kind.MASTER,
        "One costing period, mostly a month; each begins where the one before ends.",
        (
            id_column("period_id", "The period, e.g. 2026-03.", is_required=True),
            Column("starts_at", Type.TIMESTAMP, "First moment, UTC.", is_required=True),
            Column("ends_at", Type.TIMESTAMP, "First moment after it, UTC.", is_required=True),
        ),
        ("period_id",),
        (),
        (("starts_at", "ends_at"),),
    ),
)
