"""Business files of orders: what is to be made, and what it took."""

from decimal import Decimal

from takt.contracts.columns import (
    ITEM,
    ORDER,
    SITE,
    WORK_UNIT,
    choice,
    id_column,
    positive,
    quantity,
)
from takt.contracts.table import Column, Kind, Reference, TableContract, Type

QUALITY_KINDS = ("inspection", "prevention")
"""What a worker does that is a cost of quality, not of the order, unless its route plans it."""

_CURRENCY = "Currency of the price, ISO 4217; empty: that of the site's costing version."

TABLES = (
    TableContract(
        "production_order",
        Kind.TRANSACTION,
        "One order to make a quantity of one item.",
        (
            id_column("production_order_id", "The order.", is_required=True),
            id_column("site_id", "The site that makes it.", is_required=True),
            id_column("item_id", "The item made.", is_required=True),
            id_column("bom_version", "Version of the bill of material."),
            id_column("route_version", "Version of the route."),
            quantity("order_quantity", "Quantity ordered, in the item's unit.", is_required=True),
            id_column("mode", "Production mode: discrete, process, lean, project or mixed."),
            id_column("strategy", "Production strategy: MTS, ATO, CTO, MTO or ETO."),
            id_column("cost_version_id", "Costing version that holds its standard cost."),
            id_column("production_flow_id", "The lean production flow that it is a job of."),
            id_column("project_id", "The project or job order that it is done for."),
            Column("released_at", Type.TIMESTAMP, "When it was released, UTC."),
            Column("ended_at", Type.TIMESTAMP, "When it was ended, UTC."),
            Column("due_at", Type.TIMESTAMP, "When it is due, UTC."),
            id_column("status", "Where it stands: created, released, started, finished, ended …"),
        ),
        ("production_order_id",),
        (
            SITE,
            ITEM,
            Reference(
                ("item_id", "route_version"), "routing_operation", ("item_id", "route_version")
            ),
        ),
        (("released_at", "ended_at"),),
    ),
    TableContract(
        "order_operation",
        Kind.TRANSACTION,
        "One operation of an order on one work unit: when it ran and what came out.",
        (
            id_column("production_order_id", "The order.", is_required=True),
            id_column("operation_id", "The operation, as in the route.", is_required=True),
            id_column("work_unit_id", "equipment_id of the work unit.", is_required=True),
            Column("started_at", Type.TIMESTAMP, "Start, UTC; empty: not yet."),
            Column("finished_at", Type.TIMESTAMP, "End, UTC; empty: not yet."),
            quantity("good_quantity", "Good quantity reported, in the item's unit."),
            quantity("scrap_quantity", "Scrap reported, in the item's unit."),
            quantity("rework_quantity", "Rework reported, in the item's unit."),
            Column(
                "complete_ratio",
                Type.DECIMAL,
                "How far the units that are in process there now are done, of a process order: 0.35"
                " is 35 % of the work; empty: as their time says.",
                minimum=Decimal(0),
                maximum=Decimal(1),
            ),
        ),
        ("production_order_id", "operation_id", "work_unit_id"),
        (ORDER, WORK_UNIT),
        (("started_at", "finished_at"),),
    ),
    TableContract(
        "material_movement",
        Kind.TRANSACTION,
        "One issue of material to an order or its return to stock, or what came out beside.",
        (
            id_column("movement_id", "The movement.", is_required=True),
            id_column("production_order_id", "The order.", is_required=True),
            id_column("operation_id", "The operation that uses it; empty: the whole order."),
            id_column("item_id", "The item moved.", is_required=True),
            id_column("replaces_item_id", "The item it is used instead of; empty: none."),
            id_column("lot_id", "The lot it came from."),
            positive("quantity", "Quantity moved, in the item's unit.", is_required=True),
            quantity("unit_price", "Price per unit; empty: what the item costs by the standard."),
            id_column("currency", _CURRENCY),
            Column(
                "is_return", Type.BOOLEAN, "Whether it went back to stock; empty: false, an issue."
            ),
            Column(
                "is_output",
                Type.BOOLEAN,
                "Whether the order made it, a co- or by-product, and did not use it (is_return: it"
                " made so much less); empty: false.",
            ),
            Column("moved_at", Type.TIMESTAMP, "When it was moved, UTC.", is_required=True),
        ),
        ("movement_id",),
        (ORDER, ITEM, Reference(("replaces_item_id",), "item", ("item_id",))),
    ),
    TableContract(
        "labour_booking",
        Kind.TRANSACTION,
        "One span of a worker's time at an operation of an order.",
        (
            id_column("booking_id", "The booking.", is_required=True),
            id_column("production_order_id", "The order.", is_required=True),
            id_column("operation_id", "The operation.", is_required=True),
            id_column("worker_id", "Who worked; a pseudonym will do.", is_required=True),
            choice(
                "kind",
                ("run", "setup", *QUALITY_KINDS),
                "What was done; empty: run. inspection and prevention are no cost of the order but"
                " of quality, unless its route says is_inspection of the operation (inspection).",
                is_required=False,
            ),
            id_column(
                "cost_category_id",
                "The category of cost_rate that prices the time; empty: the labour category of the"
                " settings.",
            ),
            Column("started_at", Type.TIMESTAMP, "Start, UTC.", is_required=True),
            Column("finished_at", Type.TIMESTAMP, "End, UTC; empty: not yet."),
        ),
        ("booking_id",),
        (ORDER,),
        (("started_at", "finished_at"),),
    ),
    TableContract(
        "subcontract_receipt",
        Kind.TRANSACTION,
        "One delivery of a vendor who did an operation of an order.",
        (
            id_column("receipt_id", "The receipt.", is_required=True),
            id_column("production_order_id", "The order.", is_required=True),
            id_column("operation_id", "The operation done.", is_required=True),
            id_column("vendor_id", "Who did it."),
            positive(
                "quantity",
                "Quantity received, in the item's unit; what was rejected is part of it.",
                is_required=True,
            ),
            quantity("rejected_quantity", "How much of it was rejected; empty: nothing."),
            quantity(
                "unit_price",
                "Price per unit received, rejected or not; empty: the operation's standard.",
            ),
            id_column("currency", _CURRENCY),
            Column("received_at", Type.TIMESTAMP, "When it was received, UTC.", is_required=True),
        ),
        ("receipt_id",),
        (ORDER,),
    ),
    TableContract(
        "customer_return",
        Kind.TRANSACTION,
        "Pieces that a customer sent back: an external failure.",
        (
            id_column("return_id", "The return.", is_required=True),
            id_column("site_id", "The site that made them.", is_required=True),
            id_column("item_id", "The item.", is_required=True),
            id_column("production_order_id", "The order that made them; empty: not known."),
            positive("quantity", "Quantity returned, in the item's unit.", is_required=True),
            Column("returned_at", Type.TIMESTAMP, "When it came back, UTC.", is_required=True),
            id_column("reason_id", "Why, as in reason_code."),
            quantity("amount", "What handling it cost beside the pieces; empty: nothing."),
            id_column("currency", _CURRENCY.replace("price", "amount")),
        ),
        ("return_id",),
        (
            SITE,
            ITEM,
            Reference(
                ("production_order_id", "site_id"),
                "production_order",
                ("production_order_id", "site_id"),
            ),
            Reference(("reason_id",), "reason_code", ("reason_id",)),
        ),
    ),
)
