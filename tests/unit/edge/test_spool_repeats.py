import pytest

from edge.delivery import Packet
from edge.recent_packets import REMEMBERED
from edge.spool import Delivery, Spool, SpoolFullError
from tests.unit.edge.spools import NOW, delivery, held, open_spool, sample


def test_repeats_are_recognised_after_a_restart(path):
    spool = open_spool(path)
    spool.append([delivery(1.0)])
    spool.close()
    spool = open_spool(path)

    assert spool.append([delivery(1.0)]) == 0
    assert spool.append([delivery(1.0, source="line2")]) == 1
    assert spool.append([delivery(1.0, source=None)]) == 1
    spool.close()


def packets(first: int, last: int, *, is_again: bool = False, content: int = 7) -> Delivery:
    """Messages without a time, each with its number as packet id and value."""
    found = [
        Packet(number, is_again, content, [sample(float(number))])
        for number in range(first, last + 1)
    ]
    return Delivery([packet.samples[0] for packet in found], "line1", packets=found)


def test_packets_that_come_again_are_recognised_after_a_restart(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED)])
    spool.close()
    spool = open_spool(path)

    again = packets(REMEMBERED - 9, REMEMBERED, is_again=True)

    assert spool.append([again, packets(REMEMBERED + 1, REMEMBERED + 1, is_again=True)]) == 1
    assert held(spool)[-2:] == [REMEMBERED, REMEMBERED + 1]
    spool.close()


def test_packets_with_the_id_of_another_message_count(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED)])

    assert spool.append([packets(REMEMBERED, REMEMBERED, is_again=True, content=8)]) == 1
    assert spool.append([packets(REMEMBERED, REMEMBERED, content=8)]) == 1
    spool.close()


def test_no_packet_is_a_repeat_while_ids_come_twice(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED), packets(5, 5)])
    last = packets(REMEMBERED - 9, REMEMBERED, is_again=True)

    assert spool.append([last]) == 10
    spool.append([packets(REMEMBERED + 1, 2 * REMEMBERED)])
    assert spool.append([packets(2 * REMEMBERED - 9, 2 * REMEMBERED, is_again=True)]) == 0
    spool.close()


def test_packets_that_were_not_accepted_are_not_known(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED)])
    spool._capacity = 1
    with pytest.raises(SpoolFullError):
        spool.append([packets(REMEMBERED + 1, REMEMBERED + 9)])
    spool._capacity = 10**9

    assert spool.append([packets(REMEMBERED + 1, REMEMBERED + 9, is_again=True)]) == 9
    spool.close()


def test_no_more_packets_are_kept_than_are_remembered(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED), packets(REMEMBERED + 1, 2 * REMEMBERED + 5)])

    assert spool._db.execute("select count(*) from packet").fetchone() == (REMEMBERED,)
    spool.close()


def test_a_spool_that_is_older_than_its_memory_of_packets_is_opened(path):
    spool = open_spool(path)
    spool.append([delivery(1.0)])
    spool._db.execute("drop table packet")
    spool.close()

    spool = open_spool(path)

    assert spool.append([packets(1, 3)]) == 3
    assert held(spool) == [1.0, 1.0, 2.0, 3.0]
    spool.close()


def test_packets_are_recognised_after_a_damaged_spool_was_rebuilt(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED)])
    spool._epoch = spool._epoch.model_copy(update={"last_seq": 99})
    spool._mark.write(spool._epoch)
    spool.close()

    spool = open_spool(path)

    assert list(path.parent.glob("spool.db.damaged-*"))
    assert spool.append([packets(REMEMBERED, REMEMBERED, is_again=True)]) == 0
    spool.close()


def test_keys_are_forgotten_beyond_their_bound(path):
    spool = open_spool(path, recent_keys_rows=10)
    for start in range(0, 100, 10):
        spool.append([delivery(*range(start, start + 10))])

    remembered = spool._db.execute("select count(*) from recent").fetchone()[0]
    assert remembered == 10
    assert spool.append([delivery(99.0)]) == 0
    spool.close()


def test_a_retained_value_from_before_all_remembered_repeats_is_taken_for_one(path):
    spool = open_spool(path, recent_keys_rows=10)
    old, new = sample(1.0, observed_at=NOW - 1), sample(2.0, observed_at=NOW + 1)
    spool.append([Delivery([old], "line1", is_retained=True)])
    spool.append([delivery(*range(100, 120))])
    spool.append([delivery(200)])

    repeated = spool.append([Delivery([old, new], "line1", is_retained=True)])

    assert repeated == 1
    assert held(spool)[0] == 1.0
    assert held(spool)[-1] == 2.0
    assert held(spool).count(1.0) == 1
    spool.close()


def test_the_newest_key_is_never_forgotten(path):
    times = iter(range(NOW, NOW + 10**15, 10**14))
    spool = Spool(path, lambda: next(times), recent_keys_age_s=1)
    for number in range(4):
        spool.append([delivery(number, source=None if number == 2 else "line1")])

    assert spool._db.execute("select min(id) from recent").fetchone()[0] > 1
    spool.close()
