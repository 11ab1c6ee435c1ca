"""Business files of the product: items, what they are made of, what is done to them."""

from decimal import Decimal

from takt.contracts.columns import (
    ITEM,
    VALIDITY,
    WORK_UNIT,
    choice,
    id_column,
    quantity,
    validity,
)
from takt.contracts.table import Column, Kind, Reference, TableContract, Type

TABLES = (
    TableContract(
        "item",
        Kind.MASTER,
        "One thing that is made, bought or used.",
        (
            id_column("item_id", "The item.", is_required=True),
            id_column("name", "What people call it.", is_required=True),
            id_column(
                "unit", "The unit that its quantities count, e.g. pcs, kg.", is_required=True
            ),
            id_column("item_group_id", "Its group in sales and purchasing."),
            id_column("cost_group_id", "Its group in product costing; empty: material."),
            id_column("strategy", "Production strategy: MTS, ATO, CTO, MTO or ETO."),
            Column(
                "is_phantom",
                Type.BOOLEAN,
                "Whether it is never stocked: its components stand for it; empty: false.",
            ),
            choice(
                "joint_cost_method",
                ("manual", "physical", "sales_value", "nrv", "tca"),
                "How its cost is divided between it and its co-products; empty: tca.",
                is_required=False,
            ),
        ),
        ("item_id",),
    ),
    TableContract(
        "bom_line",
        Kind.MASTER,
        "One component or further product in one version of an item's bill of material.",
        (
            id_column("item_id", "The item made.", is_required=True),
            id_column("bom_version", "The version of its bill of material.", is_required=True),
            id_column("line_id", "The line.", is_required=True),
            id_column("component_item_id", "The item used or also made.", is_required=True),
            choice(
                "line_type",
                ("component", "co_product", "by_product"),
                "component: used; co_product: made beside it, bears its share of the cost;"
                " by_product: left over, bears none; empty: component.",
                is_required=False,
            ),
            id_column(
                "operation_id",
                "The operation that uses it, whose planned scrap it shares; empty: none's.",
            ),
            quantity("quantity_per", "Quantity per unit of the item, in the line's item's unit."),
            quantity("constant_quantity", "Quantity per lot, however large."),
            quantity(
                "scrap_ratio",
                "Planned scrap on top of quantity_per: 0.05 is five per cent more.",
            ),
            quantity("constant_scrap_quantity", "Planned scrap per lot."),
            Column(
                "is_phantom",
                Type.BOOLEAN,
                "Whether its own components are used in its place, as those of a phantom item are.",
            ),
            Column(
                "cost_share_ratio",
                Type.DECIMAL,
                "co_product: its share of the cost where joint_cost_method is manual; 0.3 is 30 %.",
                minimum=Decimal(0),
                maximum=Decimal(1),
            ),
            choice(
                "burden_kind",
                ("percent", "per_series", "per_quantity"),
                "by_product: what it costs to be rid of it; a share of the cost, per costing lot,"
                " or per unit of it; empty: nothing.",
                is_required=False,
            ),
            quantity("burden_rate", "by_product: so much of that; a share of 0.1 is 10 %."),
            *validity("this line"),
        ),
        ("item_id", "bom_version", "line_id"),
        (ITEM, Reference(("component_item_id",), "item", ("item_id",))),
        (VALIDITY,),
    ),
    TableContract(
        "routing_operation",
        Kind.MASTER,
        "One operation of one version of an item's route, for a span of time.",
        (
            id_column("item_id", "The item made.", is_required=True),
            id_column("route_version", "The version of its route.", is_required=True),
            id_column("operation_id", "The operation.", is_required=True),
            Column(
                "sequence",
                Type.INTEGER,
                "Its place in the route, ascending.",
                is_required=True,
                minimum=Decimal(0),
            ),
            id_column("work_unit_id", "equipment_id of the work unit; empty: any."),
            quantity("planned_run_s_per_unit", "Planned run time per unit, in seconds."),
            quantity("planned_setup_s", "Planned setup time per order, in seconds."),
            quantity("crew_size", "Workers at the operation."),
            Column(
                "scrap_ratio",
                Type.DECIMAL,
                "Planned scrap on top of the good pieces: 0.05 is five per cent more"
                " (setting cost.operation_scrap).",
                minimum=Decimal(0),
                maximum=Decimal("0.999999"),
            ),
            id_column(
                "cost_category_id",
                "The category of cost_rate that prices it; empty: all that hold at its work unit.",
            ),
            Column("is_subcontract", Type.BOOLEAN, "Whether a vendor does it; empty: false."),
            Column(
                "is_inspection",
                Type.BOOLEAN,
                "Whether it examines and makes nothing: what it costs is appraisal; empty: false.",
            ),
            *validity("this operation"),
        ),
        ("item_id", "route_version", "operation_id", "work_unit_id"),
        (ITEM, WORK_UNIT),
        (VALIDITY,),
    ),
)
