"""MQTT topics: `takt/v1/<site>/<collector>/…` between edge and ingestion, `…/mes/…` of an MES.

| topic                         | from      | retained | payload                      |
|-------------------------------|-----------|----------|------------------------------|
| `…/batch/<epoch>/<seq>`       | collector | no       | one Arrow IPC stream         |
| `…/lost/<epoch>/<first>-<last>` | collector | no     | `takt.messages.Loss`         |
| `…/health`                    | collector | yes      | `takt.messages.Health`       |
| `…/ack`                       | ingestion | yes      | `takt.messages.Ack`          |
| `<site>/mes/<production order>` | MES     | no       | `takt.contracts.mes`         |

No collector is called `mes`.
"""

import re
from typing import NamedTuple

_ROOT = "takt/v1"
_ID = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_EPOCH = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_COLLECTOR = rf"{_ROOT}/(?P<site>{_ID})/(?P<collector>{_ID})"
_BATCH = re.compile(rf"{_COLLECTOR}/batch/(?P<epoch>{_EPOCH})/(?P<seq>[1-9][0-9]{{0,17}})")
_LOST = re.compile(
    rf"{_COLLECTOR}/lost/(?P<epoch>{_EPOCH})/(?P<first>[1-9][0-9]{{0,17}})-(?P<last>[1-9][0-9]{{0,17}})"
)
_HEALTH = re.compile(rf"{_COLLECTOR}/health")
MES = "mes"
_MES = re.compile(rf"{_ROOT}/{_ID}/{MES}/(?P<order>.+)", re.DOTALL)

BATCH_FILTER = f"{_ROOT}/+/+/batch/#"
LOST_FILTER = f"{_ROOT}/+/+/lost/#"
HEALTH_FILTER = f"{_ROOT}/+/+/health"
MES_FILTER = f"{_ROOT}/+/{MES}/#"


class Collector(NamedTuple):
    """Who speaks: a collector of a site."""

    site: str
    collector: str


class BatchAddress(NamedTuple):
    """What a batch topic names; `seq` counts from 1 without gaps within an epoch."""

    source: Collector
    epoch: str
    seq: int


class LossAddress(NamedTuple):
    """Batches `first_seq` to `last_seq` (inclusive) that a collector no longer has."""

    source: Collector
    epoch: str
    first_seq: int
    last_seq: int


def batch_topic(source: Collector, epoch: str, seq: int) -> str:
    """Where batch `seq` of an epoch is published."""
    return f"{_ROOT}/{source.site}/{source.collector}/batch/{epoch}/{seq}"


def lost_topic(source: Collector, epoch: str, first_seq: int, last_seq: int) -> str:
    """Where a collector declares batches `first_seq` to `last_seq` lost."""
    return f"{_ROOT}/{source.site}/{source.collector}/lost/{epoch}/{first_seq}-{last_seq}"


def ack_topic(source: Collector) -> str:
    """Where ingestion acknowledges to a collector."""
    return f"{_ROOT}/{source.site}/{source.collector}/ack"


def health_topic(source: Collector) -> str:
    """Where a collector says how it is; its last will goes here as well."""
    return f"{_ROOT}/{source.site}/{source.collector}/health"


def batch_filter(source: Collector) -> str:
    """Matches every batch of a collector."""
    return f"{_ROOT}/{source.site}/{source.collector}/batch/#"


def lost_filter(source: Collector) -> str:
    """Matches every loss that a collector declares."""
    return f"{_ROOT}/{source.site}/{source.collector}/lost/#"


def parse_batch(topic: str) -> BatchAddress | None:
    """The address in a batch topic; None for every other topic."""
    if (match := _BATCH.fullmatch(topic)) is None:
        return None
    return BatchAddress(_collector(match), match["epoch"], int(match["seq"]))


def parse_lost(topic: str) -> LossAddress | None:
    """The address in a topic that declares a loss; None for every other topic."""
    if (match := _LOST.fullmatch(topic)) is None or int(match["first"]) > int(match["last"]):
        return None
    return LossAddress(_collector(match), match["epoch"], int(match["first"]), int(match["last"]))


def parse_health(topic: str) -> Collector | None:
    """The collector in a health topic; None for every other topic."""
    return _collector(match) if (match := _HEALTH.fullmatch(topic)) else None


def mes_topic(site: str, production_order_id: str) -> str:
    """Where an MES publishes what it tells of an order."""
    return f"{_ROOT}/{site}/{MES}/{production_order_id}"


def parse_mes(topic: str) -> str | None:
    """The production order in the topic of an MES; None for every other topic."""
    return match["order"] if (match := _MES.fullmatch(topic)) else None


def _collector(match: re.Match[str]) -> Collector:
    return Collector(match["site"], match["collector"])
