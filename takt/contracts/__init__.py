"""What business files look like: one declarative contract per table, nothing that reads them.

A file is named after its table (`equipment.csv`, `.parquet` or `.xlsx`) and has its columns.
Master data: a file states the whole table. Transactions: a file's rows replace those of equal
key. The lake keeps each table as `reference.<table>`: these columns + `LOAD_COLUMNS`.

Belongs here: the tables by subject, a module each; what a contract can say is in `table`.
"""

from takt.contracts import costing, orders, plant, product
from takt.contracts.orders import QUALITY_KINDS
from takt.contracts.plant import LEVELS
from takt.contracts.table import LOAD_COLUMNS, Column, Kind, Reference, TableContract, Type

__all__ = [
    "LEVELS",
    "LOAD_COLUMNS",
    "QUALITY_KINDS",
    "TABLES",
    "Column",
    "Kind",
    "Reference",
    "TableContract",
    "Type",
]

TABLES = {
    table.name: table for subject in (plant, product, orders, costing) for table in subject.TABLES
}
"""Every business table by name, each after those it refers to where that is possible."""
