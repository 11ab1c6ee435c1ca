"""What messages of an MES look like: one declarative contract per type, nothing that reads them.

A message is a JSON object: the columns of `ENVELOPE`, those of its type, and, where the type has
`line_columns`, a list `lines` of objects of these. Columns mean what they mean in the business
files into whose rows the messages go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from takt.contracts import orders
from takt.contracts.columns import choice, id_column
from takt.contracts.table import Column, Type

LINES = "lines"
"""The key under which a message holds its lines."""


@dataclass(frozen=True)
class MessageContract:
    """One type of message.

    Attributes:
        name: What a message says in `type`.
        description: What a message tells.
        columns: Its own beside those of the envelope.
        line_columns: Of each of its lines, of which it has at least one; empty: it has none.
    """

    name: str
    description: str
    columns: tuple[Column, ...] = ()
    line_columns: tuple[Column, ...] = ()


_TABLES = {table.name: table for table in orders.TABLES}


def _of(table: str, *names: str) -> tuple[Column, ...]:
    """Columns of a business file."""
    return tuple(_TABLES[table].column(name) for name in names)


def _may_be_empty(column: Column, default: str) -> Column:
    """The column with a value that counts where there is none."""
    description = f"{column.description.rstrip('.')}; empty: {default}."
    return replace(column, description=description, is_required=False)


def _required(column: Column, description: str) -> Column:
    return replace(column, description=description, is_required=True)


def _one(table: str, name: str) -> Column:
    return _TABLES[table].column(name)


_LINE_ID = "message_id/number of the line"
_OPERATION = _of("order_operation", "operation_id", "work_unit_id")

ENVELOPE = (
    id_column("message_id", "Names the message among all of the installation.", is_required=True),
    id_column("type", "What it tells.", is_required=True),
    id_column("production_order_id", "The order of which it tells.", is_required=True),
    Column("created_at", Type.TIMESTAMP, "When the MES made it, UTC.", is_required=True),
    Column(
        "sequence",
        Type.INTEGER,
        "Number of the message among those of its order, 1, 2, 3 …; empty: `created_at` orders.",
        minimum=Decimal(1),
    ),
)

_CONTRACTS = (
    MessageContract(
        "order_start",
        "Work on an order has begun, perhaps with an operation on a work unit.",
        (
            _required(_one("order_operation", "started_at"), "Start, UTC."),
            *(replace(column, is_required=False) for column in _OPERATION),
        ),
    ),
    MessageContract(
        "report_finished",
        "What has come out of an operation since the last report; it adds up.",
        (
            *_OPERATION,
            *_of("order_operation", "good_quantity", "scrap_quantity", "rework_quantity"),
            choice(
                "error_cause",
                ("none", "material", "machine", "operating_staff"),
                "Why it was scrapped; kept in the message, no figure uses it.",
                is_required=False,
            ),
            replace(
                _one("order_operation", "finished_at"),
                description="End of the operation so far, UTC; empty: it says nothing of it.",
            ),
        ),
    ),
    MessageContract(
        "picking_list",
        "Material that went into an order, or back to stock.",
        line_columns=(
            _may_be_empty(_one("material_movement", "movement_id"), _LINE_ID),
            *_of("material_movement", "operation_id", "item_id", "replaces_item_id", "lot_id"),
            *_of("material_movement", "quantity", "unit_price", "currency", "is_return"),
            _may_be_empty(_one("material_movement", "moved_at"), "created_at"),
        ),
    ),
    MessageContract(
        "route_card",
        "Time that was spent on operations: of workers, of work units, or both.",
        line_columns=(
            *_of("order_operation", "operation_id"),
            replace(
                _one("order_operation", "work_unit_id"),
                description="Work unit whose operation lasts at least so long; empty: none.",
                is_required=False,
            ),
            replace(
                _one("labour_booking", "worker_id"),
                description="Who worked, a pseudonym will do; empty: nobody's time.",
                is_required=False,
            ),
            _may_be_empty(_one("labour_booking", "booking_id"), _LINE_ID),
            *_of("labour_booking", "kind", "cost_category_id"),
            _may_be_empty(_one("labour_booking", "started_at"), "so many hours before its end"),
            _may_be_empty(
                replace(_one("labour_booking", "finished_at"), description="End, UTC."),
                "so many hours after its start",
            ),
            Column(
                "hours",
                Type.DECIMAL,
                "How long it took, in place of the start or the end; empty: from one to the other.",
                maximum=Decimal(24),
                above=Decimal(0),
            ),
        ),
    ),
    MessageContract(
        "order_end",
        "An order is done: nothing more is expected of it.",
        (_may_be_empty(_one("production_order", "ended_at"), "created_at"),),
    ),
)

MESSAGES: Mapping[str, MessageContract] = {contract.name: contract for contract in _CONTRACTS}
"""Every type of message by name, as an order goes through them."""
