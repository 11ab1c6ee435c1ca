import asyncio
import random
import shutil
import string
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.configuration import SpoolConfiguration
from edge.delivering import Delivering, delivering
from edge.spool import Delivery
from takt.batch import Sample
from takt.settings import BrokerSettings
from tests.conftest import wait_until
from tests.integration.edge.conftest import IDENTITY, AckingPeer

NOW = 1_700_000_000_000_000


def delivery(*values: float) -> Delivery:
    samples = [
        Sample("assembly/line1/press01", "Count", NOW + int(v), float(v), None, 0, NOW)
        for v in values
    ]
    return Delivery(samples, "line1")


@pytest.fixture
def forwarding(mosquitto, tmp_path):
    """Opens a delivering collector on the spool `spool.db` of this test."""

    @asynccontextmanager
    async def open_parts(path: Path = tmp_path / "spool.db", **spool):
        broker = BrokerSettings(port=mosquitto.port, embedded=False)
        async with delivering(IDENTITY, SpoolConfiguration(**spool), path, broker) as parts:
            yield parts

    return open_parts


async def until(condition, what: str) -> None:
    await asyncio.to_thread(wait_until, condition, what)


async def until_empty(parts: Delivering) -> None:
    loop = asyncio.get_running_loop()

    def is_empty() -> bool:
        status = asyncio.run_coroutine_threadsafe(parts.spool.status(), loop).result()
        return status.rows == 0

    await until(is_empty, "an empty spool")


async def write_batches(parts: Delivering, *batches: list[float]) -> None:
    for values in batches:
        await parts.spool.append([delivery(*values)])


async def test_the_spool_is_trimmed_by_the_acknowledgement_only(forwarding, mosquitto, peer):
    peer.acknowledges = False
    async with forwarding() as parts:
        await write_batches(parts, [1], [2], [3])
        await until(lambda: peer.values() == [1, 2, 3], "the batches")
        assert (await parts.spool.status()).rows == 3

        peer.ack(parts.spool.epoch)
        await until_empty(parts)

    await until(lambda: not peer.healths[-1].online, "its farewell")
    assert peer.healths[-1].accepted_rows == 3
    assert peer.healths[-1].spool_first_row == 4


async def test_no_more_is_in_flight_than_the_credit(forwarding, peer):
    peer.acknowledges = False
    async with forwarding() as parts:
        await write_batches(parts, *([n] for n in range(30)))
        await until(lambda: len(peer.received) == 4, "the first credit")

        peer.ack(parts.spool.epoch, settled_through=0, missing=(), credit_batches=7)
        await until(lambda: len(peer.received) == 7, "the granted credit")
        peer.ack(parts.spool.epoch, settled_through=5, missing=(), credit_batches=7)
        await until(lambda: len(peer.received) == 12, "room for five more")

    assert peer.received == list(range(1, 13))


async def test_what_is_new_goes_before_a_long_backlog(forwarding, peer):
    peer.acknowledges = False
    async with forwarding() as parts:
        await write_batches(parts, *([n] for n in range(1, 101)))
        await until(lambda: peer.received == [1, 2, 3, 4], "the first credit")
        peer.ack(parts.spool.epoch, settled_through=2, missing=(), credit_batches=6)
        await until(lambda: peer.received == [*range(1, 9)], "the granted credit")

        await write_batches(parts, [101], [102])
        peer.ack(parts.spool.epoch, settled_through=6, missing=(), credit_batches=6)
        await until(lambda: len(peer.received) == 12, "new batches and the backlog")
        assert peer.received[8:] == [101, 102, 9, 10]
        peer.acknowledges = True
        peer.ack(parts.spool.epoch, credit_batches=6)
        await until_empty(parts)

    assert peer.values() == [*range(1, 103)]
    assert len(peer.received) == 102


async def test_a_new_batch_that_was_lost_is_sent_again_when_the_backlog_has_caught_up(
    forwarding, peer
):
    peer.credit_batches = 6
    peer.drops = {102}
    async with forwarding() as parts:
        peer.acknowledges = False
        await write_batches(parts, *([n] for n in range(1, 101)))
        await until(lambda: len(peer.received) == 4, "the first credit")
        peer.ack(parts.spool.epoch, settled_through=1, missing=())
        await until(lambda: len(peer.received) == 7, "the granted credit")
        await write_batches(parts, [101], [102], [103])
        peer.acknowledges = True
        peer.ack(parts.spool.epoch)
        await until_empty(parts)

    assert peer.values() == [*range(1, 104)]
    assert peer.received.index(103) < peer.received.index(100)


async def run_sql(parts: Delivering, statement: str) -> None:
    await parts.spool._call(parts.spool._spool._db.execute, statement)


async def test_what_follows_a_rotten_stretch_of_the_backlog_is_sent(forwarding, peer):
    peer.credit_batches = 6
    async with forwarding() as parts:
        peer.acknowledges = False
        await write_batches(parts, *([n] for n in range(1, 101)))
        await until(lambda: len(peer.received) == 4, "the first credit")
        peer.ack(parts.spool.epoch, settled_through=1, missing=())
        await until(lambda: len(peer.received) == 7, "the granted credit")
        await write_batches(parts, [101], [102])
        await run_sql(
            parts, "update payload set bytes = x'00' where position & 255 between 20 and 80"
        )
        peer.acknowledges = True
        peer.ack(parts.spool.epoch)
        await until_empty(parts)

    assert peer.values() == [*range(1, 20), *range(81, 103)]
    assert sum(loss.rows for loss in peer.losses.values()) == 61


async def test_a_long_stretch_is_read_and_sent_again_in_parts(forwarding, peer, monkeypatch):
    peer.credit_batches = 200
    async with forwarding() as parts:
        peer.acknowledges = False
        await write_batches(parts, [1])
        await until(lambda: peer.received == [1], "the first batch")
        peer.drops = set(range(2, 82))
        peer.ack(parts.spool.epoch)
        await write_batches(parts, *([n] for n in range(2, 83)))
        await until(lambda: len(peer.received) == 82, "all batches")
        resend_at = time.monotonic() + 1
        asked, read = [], parts.spool.read

        def recording(*args, batches):
            asked.append(batches)
            return read(*args, batches=batches)

        monkeypatch.setattr(parts.spool, "read", recording)
        await until(lambda: time.monotonic() > resend_at, "the time to send again")
        peer.acknowledges = True
        peer.ack(parts.spool.epoch)
        await until_empty(parts)

    assert max(asked) == 50
    assert peer.values() == [*range(1, 83)]


async def test_of_acks_that_wait_for_room_the_newest_and_the_order_are_kept(forwarding, peer):
    peer.acknowledges = False
    async with forwarding() as parts:
        await write_batches(parts, [1], [2], [3])
        await until(lambda: peer.received == [1, 2, 3], "the batches")
        before = parts.spool.epoch
        await run_sql(parts, "pragma query_only = 1")
        peer.ack(before, settled_through=1)
        peer.ack(before, settled_through=1, new_epoch=True)
        for credit in range(10, 200):
            peer.ack(before, settled_through=2, credit_batches=credit)

        def has_the_newest() -> bool:
            return any(ack.credit_batches == 199 for ack in waiting())

        def waiting() -> list:
            kept = parts.forwarder._acks
            return list(kept.values()) if isinstance(kept, dict) else list(kept)

        await until(has_the_newest, "the newest acknowledgement")
        assert len(waiting()) == 2
        await run_sql(parts, "pragma query_only = 0")
        await until(lambda: peer.first_rows_beside(before) == [1], "the third under a new epoch")

    assert parts.spool.epoch != before


async def test_a_batch_named_as_missing_is_sent_again(forwarding, peer):
    peer.drops = {2}
    async with forwarding() as parts:
        await write_batches(parts, [1], [2])
        await until(lambda: peer.received == [1, 2], "both batches")
        while 2.0 not in peer.values():
            await write_batches(parts, [len(peer.received) + 10])
            await asyncio.sleep(0.2)

    assert peer.received.count(2) == 2


async def test_a_batch_that_nobody_acknowledges_is_sent_again(forwarding, peer):
    peer.drops = {1, 2, 3}
    async with forwarding() as parts:
        await write_batches(parts, [1], [2], [3])
        await until(lambda: peer.values() == [1, 2, 3], "all batches in the end")

    assert peer.received[:3] == [1, 2, 3]


async def test_another_ingestor_is_sent_what_is_in_flight(forwarding, peer):
    peer.acknowledges = False
    async with forwarding() as parts:
        await write_batches(parts, [1], [2], [3])
        await until(lambda: peer.received == [1, 2, 3], "the batches")
        for ingestor in ("ingestor1", "ingestor2"):
            peer.ack(parts.spool.epoch, settled_through=1, ingestor=ingestor, missing=())
        await until(lambda: peer.received == [1, 2, 3, 2, 3], "them again")


async def test_a_restarted_broker_gets_again_what_was_not_settled(forwarding, mosquitto, peer):
    peer.acknowledges = False
    async with forwarding() as parts:
        await write_batches(parts, [1], [2])
        await until(lambda: peer.received == [1, 2], "the batches")
        mosquitto.kill()
        await write_batches(parts, [3])
        mosquitto.start()
        peer.acknowledges = True
        await until(lambda: peer.values() == [1, 2, 3] and 3 in peer.received, "all of them")
        await until_empty(parts)


async def test_acks_of_another_epoch_and_garbage_trim_nothing(forwarding, mosquitto, peer):
    peer.acknowledges = False
    async with forwarding() as parts:
        await write_batches(parts, [1])
        await until(lambda: peer.received == [1], "the batch")
        peer.ack("00000000-0000-4000-8000-000000000000", settled_through=9)
        await asyncio.to_thread(mosquitto.publish, "takt/v1/demo/collector1/ack", "garbage")
        peer.ack(parts.spool.epoch, settled_through=0, credit_batches=9)
        await write_batches(parts, *([n] for n in range(10, 15)))
        await until(lambda: 6 in peer.received, "the credit of the ack that counts")

        assert (await parts.spool.status()).rows == 6


@pytest.mark.parametrize("order", [{"new_epoch": True}, {"settled_through": 99}])
async def test_a_conflict_and_an_ack_beyond_open_a_new_epoch(forwarding, peer, order):
    peer.acknowledges = False
    async with forwarding() as parts:
        await write_batches(parts, [1, 2], [3])
        await until(lambda: peer.received == [1, 2], "the batches")
        before = parts.spool.epoch
        peer.acknowledges = True
        peer.ack(before, **order)
        await until(lambda: peer.first_rows_beside(before) == [1, 3], "all under a new epoch")
        await write_batches(parts, [4])
        await until(lambda: peer.values()[-1] == 4, "the next batch")

        assert parts.spool.epoch != before
        ends = [health for health in peer.healths if health.epoch == before][-1:]
        assert [(end.online, end.accepted_rows, end.spool_rows) for end in ends] == [(False, 0, 0)]
        assert peer.first_rows_beside(before) == [1, 3, 4]


async def test_the_end_of_an_epoch_is_said_until_the_lake_has_a_later_batch(forwarding, peer):
    async with forwarding() as parts:
        await write_batches(parts, [1])
        await until_empty(parts)
        before = parts.spool.epoch
        peer.acknowledges = False
        await write_batches(parts, [2])
        await until(lambda: peer.received == [1, 2], "the batches")
        peer.ack(before, new_epoch=True)
        await until(lambda: ends_said(peer, before) == 1, "the end of the epoch")
        peer.ack(parts.spool.epoch, ingestor="ingestor2")
        await until(lambda: ends_said(peer, before) == 2, "it again, to another ingestion")
        peer.ack(parts.spool.epoch, ingestor="ingestor2", connection=2)
        await until(lambda: ends_said(peer, before) == 3, "it again, on another connection")
        assert parts.spool.has_closed

        peer.acknowledges = True
        peer.drops = {2}
        await write_batches(parts, [3], [4])
        await until(lambda: ends_said(peer, before) == 4, "it again, for a batch was lost")
        await write_batches(parts, [5])
        await until(lambda: not parts.spool.has_closed, "the end to be forgotten")

    assert peer.values() == [1, 2, 2, 3, 4, 5]


def ends_said(peer: AckingPeer, epoch: str) -> int:
    said = (health for health in peer.healths if health.epoch == epoch)
    return sum(not health.online and not health.spool_rows for health in said)


async def test_an_overflow_is_declared_and_counted(forwarding, peer, tmp_path):
    peer.acknowledges = False
    async with forwarding(capacity_mb=1, when_full="drop_oldest") as parts:
        for number in range(40):
            noise = "".join(random.Random(number).choices(string.printable, k=50_000))
            sample = Sample("assembly/line1/press01", "Log", NOW + number, None, noise, 0, NOW)
            await parts.spool.append([Delivery([sample])])
        peer.acknowledges = True
        peer.ack(parts.spool.epoch, settled_through=0)
        await until_empty(parts)

    delivered = {seq for _, seq in peer.batches}
    lost = {seq for _, first, last in peer.losses for seq in range(first, last + 1)}
    assert {loss.cause for loss in peer.losses.values()} == {"overflow"}
    assert delivered | lost == set(range(1, max(delivered) + 1))
    assert lost - delivered
    counted = sum(row["value"] for row in peer.events("$overflow"))
    assert 0 < counted <= sum(loss.rows for loss in peer.losses.values())


async def test_a_damaged_spool_delivers_what_is_left_and_declares_the_rest(
    forwarding, peer, tmp_path
):
    peer.acknowledges = False
    path = tmp_path / "spool.db"
    async with forwarding() as parts:
        for first in range(0, 2_000, 50):
            await write_batches(parts, list(range(first, first + 50)))
        before = parts.spool.epoch
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 3 * 4096] = bytes(3 * 4096)
    path.write_bytes(content)

    peer.acknowledges = True
    async with forwarding() as parts:
        await write_batches(parts, [9_999])
        await until(lambda: 9_999.0 in peer.values(), "the batch of the new epoch")
        assert parts.spool.epoch != before

    lost = sum(loss.rows for loss in peer.losses.values())
    kept = [value for value in peer.values() if value != 9_999]
    assert {loss.cause for loss in peer.losses.values()} == {"damaged_spool"}
    assert {epoch for epoch, _, _ in peer.losses} == {before}
    assert lost + len(kept) == 2_000
    assert 0 < lost < 2_000
    assert list(path.parent.glob("spool.db.damaged-*"))


async def test_a_restored_spool_sends_under_a_new_epoch(forwarding, peer, tmp_path):
    path, backup = tmp_path / "spool.db", tmp_path / "backup"
    async with forwarding() as parts:
        await write_batches(parts, [1])
        await until_empty(parts)
    shutil.copytree(tmp_path, backup, ignore=lambda *_: ["mosquitto", "backup"])
    async with forwarding() as parts:
        await write_batches(parts, [2], [3])
        await until(lambda: peer.values() == [1, 2, 3], "the batches")
        before = parts.spool.epoch
        await until_empty(parts)
    for name in ("spool.db", "spool.mark"):
        shutil.copy(backup / name, path.with_name(name))

    async with forwarding() as parts:
        await until(lambda: parts.spool.epoch != before, "a new epoch")
        await write_batches(parts, [4])
        await until(lambda: peer.values() == [1, 2, 3, 4], "the batch of the new epoch")


async def test_samples_wait_while_there_is_no_broker(forwarding, mosquitto):
    mosquitto.kill()
    async with forwarding() as parts:
        await parts.writer.put(delivery(1, 2))
        await until(parts.spool.appended.is_set, "acceptance")
        assert (await parts.spool.status()).rows == 2

    mosquitto.start()
    peer = AckingPeer(mosquitto.port)
    async with forwarding():
        await until(lambda: peer.values() == [1, 2], "the samples")
    peer.close()
