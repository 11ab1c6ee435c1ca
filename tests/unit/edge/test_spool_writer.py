import asyncio
from contextlib import asynccontextmanager

import pytest

from edge.shared_spool import SharedSpool
from edge.spool import Delivery, Spool
from edge.spool_writer import SpoolWriter
from takt.batch import Sample
from tests.conftest import wait_until

NOW = 1_700_000_000_000_000


def delivery(number: int, accepted=None) -> Delivery:
    sample = Sample("assembly/line1/press01", "Count", NOW, float(number), None, 0, NOW)
    return Delivery([sample], None, accepted)


@asynccontextmanager
async def writing(path, **options):
    spool = SharedSpool(Spool(path, lambda: NOW, **options))
    writer = SpoolWriter(spool)
    task = asyncio.create_task(writer.run())
    yield spool, writer
    await writer.end()
    await asyncio.wait_for(task, 10)
    spool.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "spool.db"


async def test_samples_of_a_quarter_second_share_a_batch(path):
    async with writing(path) as (spool, writer):
        for number in range(5):
            await writer.put(delivery(number))
        await asyncio.wait_for(spool.appended.wait(), 10)

        [out] = await spool.read(None, 1, batches=9)
        assert out.seq == 1
        assert (await spool.status()).accepted_rows == 5


async def test_a_second_of_samples_costs_few_synced_commits(path, monkeypatch):
    commits = []

    async def counted(spool, deliveries):
        commits.append(len(deliveries))
        return await append(spool, deliveries)

    append = SharedSpool.append
    monkeypatch.setattr(SharedSpool, "append", counted)
    async with writing(path) as (_, writer):
        for number in range(500):
            await writer.put(delivery(number))
            # Two thousandths of a second between samples: the rate is what is tested.
            await asyncio.sleep(0.002)

    assert sum(commits) == 500
    assert len(commits) <= 12


async def test_what_was_handed_over_is_accepted_before_the_end(path):
    accepted = []
    async with writing(path) as (_, writer):
        for number in range(3_000):
            await writer.put(delivery(number, lambda number=number: accepted.append(number)))

    assert accepted == list(range(3_000))


async def test_sources_that_wait_for_acknowledgement_are_not_kept_waiting(path, monkeypatch):
    monkeypatch.setattr("edge.spool_writer.MAX_AGE_S", 3_600)
    done = asyncio.Event()
    async with writing(path) as (_, writer):
        for number in range(10):
            await writer.put(delivery(number, done.set))
        await asyncio.wait_for(done.wait(), 10)


async def test_many_that_wait_for_acknowledgement_are_accepted_at_once(path, monkeypatch):
    monkeypatch.setattr("edge.spool_writer.MAX_AGE_S", 3_600)
    monkeypatch.setattr("edge.spool_writer._TICK_S", 3_600)
    done = asyncio.Event()
    async with writing(path) as (_, writer):
        await writer.put(Delivery(delivery(1).samples * 250, None, done.set))
        await asyncio.wait_for(done.wait(), 10)


async def test_a_full_spool_makes_the_writer_wait_and_loses_nothing(path, caplog):
    async with writing(path, capacity_bytes=1) as (spool, writer):
        await writer.put(delivery(1))
        await asyncio.wait_for(spool.appended.wait(), 10)
        spool.appended.clear()
        accepted = asyncio.Event()
        await writer.put(delivery(2, accepted.set))
        await asyncio.to_thread(wait_until, lambda: caplog.records, "the warning")
        assert not accepted.is_set()

        await spool.settle(spool.epoch, 1)
        await asyncio.wait_for(accepted.wait(), 10)

        assert (await spool.status()).accepted_rows == 2
    assert "sources wait until the lake acknowledges" in caplog.text


async def test_a_source_that_brings_many_samples_at_once_waits_until_they_are_taken(path):
    spool = SharedSpool(Spool(path, lambda: NOW))
    writer = SpoolWriter(spool, waiting_samples=5)
    many = Delivery(delivery(1).samples * 4)
    await writer.put(many)
    await writer.put(many)
    third = asyncio.create_task(writer.put(many))
    ended = asyncio.create_task(writer.end())
    await ended
    assert not third.done()

    await asyncio.wait_for(writer.run(), 10)
    await asyncio.wait_for(third, 10)

    assert (await spool.status()).accepted_rows == 8
    spool.close()
