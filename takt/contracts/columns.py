"""Columns and references that several tables have."""

from decimal import Decimal

from takt.contracts.table import Column, Reference, Type


def id_column(name: str, description: str, *, is_required: bool = False) -> Column:
    """A column of names."""
    return Column(name, Type.TEXT, description, is_required=is_required)


def choice(name: str, allowed: tuple[str, ...], description: str, *, is_required: bool) -> Column:
    """A column of a few legal words."""
    return Column(name, Type.TEXT, description, is_required=is_required, allowed=allowed)


def quantity(name: str, description: str, *, is_required: bool = False) -> Column:
    """A column of numbers that are never negative."""
    return Column(name, Type.DECIMAL, description, is_required=is_required, minimum=Decimal(0))


def positive(name: str, description: str, *, is_required: bool = False) -> Column:
    """A column of numbers above nought."""
    return Column(name, Type.DECIMAL, description, is_required=is_required, above=Decimal(0))


def validity(of_what: str) -> tuple[Column, Column]:
    """The columns of an effective-dated table; their span is `VALIDITY`."""
    return (
        Column("valid_from", Type.TIMESTAMP, f"First moment of {of_what}, UTC; empty: since ever."),
        Column(
            "valid_to", Type.TIMESTAMP, f"First moment after {of_what}, UTC; empty: until further."
        ),
    )


VALIDITY = ("valid_from", "valid_to")
EQUIPMENT = Reference(("site_id", "equipment_id"), "equipment", ("site_id", "equipment_id"))
SITE = Reference(("site_id",), "equipment", ("site_id",))
WORK_UNIT = Reference(("work_unit_id",), "equipment", ("equipment_id",))
ITEM = Reference(("item_id",), "item", ("item_id",))
ORDER = Reference(("production_order_id",), "production_order", ("production_order_id",))
