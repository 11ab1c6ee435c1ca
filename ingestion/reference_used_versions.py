"""Which active costing versions orders are costed by, and since when (pure).

Belongs here: what tells that a version is in use. What no file may change then is in
`reference_card_freeze`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ingestion.reference_checks import Loaded
from ingestion.reference_values import Value

_BEGUN = {"released", "started", "finished", "ended"}


@dataclass(frozen=True)
class UsedVersion:
    """An active costing version by which orders are costed, and when it began."""

    name: str
    costed_at: datetime

    def __str__(self) -> str:
        return f"costing version {self.name}, which is active and by which orders are costed"


def used_versions(active: set[Value | None], loaded: Loaded) -> Iterator[UsedVersion]:
    """The `active` versions by which an order may have been costed, by name.

    One without a beginning is none: its cards are of the present, whatever that is.
    """
    versions = loaded.values("cost_version", ("cost_version_id", "type", "site_id", "valid_from"))
    begun = {
        name: begins
        for name, _, _, begins in versions
        if name in active and isinstance(begins, datetime)
    }
    standards = [
        (version[2], version[3], version[0])
        for version in versions
        if version[0] in begun and version[1] == "standard"
    ]
    used = set()
    for order in _orders(loaded):
        names = {_last_begun(standards, order.site, moment) for moment in order.moments}
        if order.version is None:
            used |= names
        elif order.moments or order.status in _BEGUN:
            used.add(order.version)
    for name in sorted(used & begun.keys(), key=str):
        yield UsedVersion(str(name), begun[name])


@dataclass(frozen=True)
class _Order:
    """An order, the costing version that it names, and when it may have been costed, UTC."""

    site: Value | None
    version: Value | None
    status: Value | None
    moments: frozenset[datetime]


def _orders(loaded: Loaded) -> Iterator[_Order]:
    """Every order; of one that tells no release what else may say when it was costed."""
    columns = ("production_order_id", "site_id", "cost_version_id", "status", "released_at")
    orders = loaded.values("production_order", (*columns, "ended_at"))
    began: defaultdict[Value | None, set[datetime]] = defaultdict(set)
    if any(released is None for *_, released, _ in orders):
        for order, start in loaded.values("order_operation", ("production_order_id", "started_at")):
            if isinstance(start, datetime):
                began[order].add(start)
    for order, site, version, status, released, ended in orders:
        if isinstance(released, datetime):
            moments = {released}
        else:
            moments = {min(began[order])} if began[order] else set()
            moments |= {ended} if isinstance(ended, datetime) else set()
        yield _Order(site, version, status, frozenset(moments))


def _last_begun(
    standards: Iterable[tuple[Value | None, ...]], site: Value | None, moment: datetime
) -> Value | None:
    begun = [
        (begins, name)
        for at, begins, name in standards
        if at == site and isinstance(begins, datetime) and begins <= moment
    ]
    return max(begun, key=lambda each: each[0])[1] if begun else None
