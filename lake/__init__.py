"""The one door to storage: open, schema, commits, snapshots, locks, maintenance.

Belongs here: everything that knows DuckLake or PostgreSQL. What rows mean does not.
"""

from lake import catalog, durable, files, locks, maintenance, schema, shard
from lake.door import attach, open, transaction  # noqa: A004 -- callers write lake.open
from lake.errors import FenceLost, LakeDamaged, LakeUnavailable, LockTimeout, OutcomeUnknown

__all__ = [
    "FenceLost",
    "LakeDamaged",
    "LakeUnavailable",
    "LockTimeout",
    "OutcomeUnknown",
    "attach",
    "catalog",
    "durable",
    "files",
    "locks",
    "maintenance",
    "open",
    "schema",
    "shard",
    "transaction",
]
