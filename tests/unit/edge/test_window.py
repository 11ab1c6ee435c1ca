from hypothesis import given
from hypothesis import strategies as st

from edge.window import FIRST_CREDIT_BATCHES, Window


def sending(count: int, *, size: int = 10, now: float = 0) -> Window:
    window = Window()
    window.grant(100, 1_000)
    window.begin("epoch")
    for seq in range(1, count + 1):
        window.sent(seq, size, now)
    return window


def test_credit_is_small_until_the_first_acknowledgement():
    assert Window().free_batches == FIRST_CREDIT_BATCHES


def test_credit_counts_batches_and_bytes():
    window = sending(99)

    assert window.admits(10)
    assert not window.admits(11)
    window.sent(100, 10, 0)
    assert window.free_batches == 0


def test_a_batch_larger_than_all_credit_is_sent_alone():
    window = Window()
    window.grant(1, 1)

    assert window.admits(1_000)
    window.sent(1, 1_000, 0)
    assert not window.admits(1)


def test_settled_batches_free_their_credit():
    window = sending(10)

    window.settled(4, now=1)

    assert window.free_batches == 94
    assert window.next_seq == 11


def test_what_is_named_as_missing_is_due_once_a_second():
    window = sending(10)

    assert window.due([(2, 3), (5, 9)], now=0.5) == []
    assert window.due([(2, 3), (5, 9)], now=1.5) == [(2, 3), (5, 9)]
    window.sent(2, 10, 1.5)
    assert window.due([(2, 3)], now=2) == [(3, 3)]


def test_what_was_sent_after_all_that_has_arrived_is_on_its_way_however_often_it_is_named():
    window = sending(10)
    window.open_lane(500)
    window.sent(501, 10, 0)
    window.sent(11, 10, 0)

    assert window.due([(8, 8), (10, 500)], now=5) == [(8, 8), (10, 10)]


def test_what_was_passed_over_without_being_sent_is_due_when_it_is_named():
    window = sending(6)
    window.sent(12, 10, 0)

    assert window.due([(4, 4), (7, 9), (11, 11)], now=1) == [(4, 4), (7, 9), (11, 11)]
    assert window.due([(7, 9)], now=1.5) == []
    assert window.due([(7, 9)], now=2) == [(7, 9)]


def test_the_backlog_that_waits_behind_a_lane_is_not_due_however_often_it_is_named():
    window = sending(10)
    window.open_lane(500)
    window.sent(501, 10, 0)

    assert window.due([(11, 500)], now=5) == []


class Bound(int):
    """A seq that counts how often it is compared."""

    compared = 0

    @staticmethod
    def _count(name):
        def compare(self, other):
            Bound.compared += 1
            return getattr(int, name)(self, other)

        return compare

    __lt__, __le__, __gt__, __ge__ = map(_count, ("__lt__", "__le__", "__gt__", "__ge__"))
    __hash__ = int.__hash__


def test_an_acknowledgement_looks_up_its_ranges_instead_of_trying_each_batch():
    window = sending(500)
    missing = [(Bound(seq), Bound(seq + 1)) for seq in range(300, 499, 2)]

    assert window.due(missing, now=1) == [(300, 499)]
    assert Bound.compared < 100 * 40


RANGES = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)).map(sorted), max_size=8).map(
    sorted
)


@given(st.lists(st.integers(1, 30), max_size=20, unique=True), RANGES)
def test_due_is_what_is_named_and_was_passed_over_or_sent_before_what_arrived(seqs, missing):
    window = Window()
    for seq in seqs:
        window.sent(seq, 10, 0)

    due = window.due(missing, now=1)

    named = {seq for first, last in missing for seq in range(first, last + 1)}
    sent_as = {seq: place for place, seq in enumerate(seqs)}
    told = range(missing[0][0], missing[-1][1] + 2) if missing else ()
    arrived = max((sent_as[seq] for seq in seqs if seq in told and seq not in named), default=-1)
    passed_over = {seq for seq in named if seq < window.next_seq} - sent_as.keys()
    overtaken = {seq for seq in named & sent_as.keys() if sent_as[seq] < arrived}
    assert {seq for first, last in due for seq in range(first, last + 1)} == passed_over | overtaken


def test_what_was_lost_once_more_is_due_by_its_name_alone():
    window = sending(10)
    assert window.due([(5, 5)], now=1) == [(5, 5)]
    window.sent(5, 10, 1)

    assert window.due([(5, 5)], now=3) == []
    assert window.due([(5, 5)], now=3.5) == [(5, 5)]


def test_what_is_in_flight_is_sent_again_on_the_credit_it_has():
    window = sending(100)

    assert window.again(1, 100) == 100
    assert window.admits_again(1, 10)


def test_what_had_given_its_credit_back_needs_new_credit_save_the_first():
    window = sending(0)
    window.grant(3, 30)
    for seq in (1, 4, 2, 3, 9):
        window.sent(seq, 10, 0)
    window.settled(2, now=1)
    window.sent(10, 10, 1)

    assert window.again(4, 8) == 0
    assert not window.admits_again(4, 10)
    window.grant(5, 30)
    assert window.again(4, 8) == 2
    assert not window.admits_again(4, 10)
    window.grant(3, 40)
    window.settled(3, now=2)
    assert window.again(4, 8) == 1
    assert window.admits_again(4, 10_000)


def test_silence_is_probed_with_one_batch_and_growing_patience():
    window = sending(6)

    asked = [now for now in range(200) if window.probe(now) is not None]

    assert asked == [5, 15, 35, 65, 95, 125, 155, 185]


def test_an_answered_probe_sends_all_the_others_again_and_resets_patience():
    window = sending(6)
    assert window.probe(5) == 1

    window.settled(1, now=6)

    assert window.next_seq == 2
    assert window.free_batches == 100
    window.sent(2, 10, 6)
    assert window.probe(10.9) is None
    assert window.probe(11) == 2


def test_a_probe_that_is_answered_by_more_than_itself_sends_nothing_again():
    window = sending(6)
    assert window.probe(5) == 1

    window.settled(3, now=6)

    assert window.next_seq == 7
    assert window.free_batches == 97
    assert window.probe(11) == 4


def test_a_restart_begins_with_the_first_held_batch():
    window = sending(6)

    window.restart()

    assert (window.next_seq, window.free_batches) == (1, 100)


def test_a_short_backlog_has_no_lane_beside_it():
    window = sending(0)

    window.open_lane(200)

    assert window.live_from is None


def test_what_is_new_goes_before_a_long_backlog_with_half_of_the_credit():
    window = sending(10)
    window.open_lane(500)
    for seq in range(501, 541):
        window.sent(seq, 10, 0)

    assert (window.live_from, window.next_live_seq, window.next_seq) == (501, 541, 11)
    assert (window.free_batches, window.free_live_batches) == (50, 10)


def test_what_was_sent_before_a_settled_batch_has_arrived_with_it():
    window = sending(10)
    window.open_lane(500)
    for seq in (501, 502, 11, 503):
        window.sent(seq, 10, 0)

    window.settled(11, now=1)

    assert (window.free_batches, window.free_live_batches) == (99, 49)
    assert window.due([(12, 500), (502, 502)], now=2) == [(502, 502)]
    window.settled(503, now=3)
    assert window.probe(1_000) is None


def test_the_lane_ends_when_the_backlog_has_caught_up():
    window = Window()
    window.grant(2, 1_000)
    window.begin("epoch")
    window.open_lane(5)
    for seq in (6, 1, 2, 3, 4):
        window.sent(seq, 10, 0)
    assert window.live_from == 6

    window.sent(5, 10, 0)

    assert (window.live_from, window.next_seq) == (None, 7)


def test_a_lane_that_was_never_used_takes_no_seq_with_it():
    window = sending(10)
    window.open_lane(500)

    window.close_lane()

    assert window.next_seq == 11


def test_new_batches_leave_room_for_the_backlog_however_large_they_are():
    window = sending(0)
    window.open_lane(500)
    window.sent(501, 2_000, 0)

    assert window.free_live_batches == 0
    assert window.admits(300)
    window.sent(1, 300, 0)
    assert not window.admits(300)


SIZES = st.sampled_from((1, 15, 40, 10_000))


class Wire:
    """A broker that delivers in order and may lose all it has; a lake that keeps what comes."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.under_way: list[int] = []
        self.lake: set[int] = set()
        self.told = 0

    def publish(self, seq: int) -> None:
        self.sent.append(seq)
        self.under_way.append(seq)

    @property
    def through(self) -> int:
        through = 0
        while through + 1 in self.lake:
            through += 1
        return through

    @property
    def missing(self) -> list[tuple[int, int]]:
        gaps = set(range(self.through + 1, max(self.lake, default=0))) - self.lake
        return [(seq, seq) for seq in sorted(gaps)]


@given(st.data())
def test_everything_arrives_within_the_credit_whatever_is_lost(data):
    window, wire, newest, now = Window(), Wire(), data.draw(st.integers(0, 60)), 0.0
    most = 12
    window.grant(data.draw(st.integers(1, most)), data.draw(SIZES))
    window.begin("epoch")
    for _ in range(data.draw(st.integers(1, 40))):
        now += data.draw(st.sampled_from((0.1, 2.0, 40.0)))
        newest += data.draw(st.integers(0, 3))
        send(window, wire, newest, now)
        # One more, where credit was taken back and the backlog would stand still.
        assert len(window._sent) <= most + 1
        if data.draw(st.booleans()):
            window.grant(data.draw(st.integers(1, 12)), data.draw(SIZES))
        fate = data.draw(st.sampled_from(("arrive", "arrive", "part", "lose", "taken back")))
        if fate == "taken back":
            window.open_lane(newest + 2)
        turn(window, wire, newest, now, fate)
    for _ in range(1_000):
        if wire.through == newest:
            break
        now += 40
        send(window, wire, newest, now)
        turn(window, wire, newest, now, "arrive")
    assert wire.through == newest


@given(st.data())
def test_nothing_is_sent_twice_that_is_only_slow(data):
    """Without probes: silence of five seconds cannot be told from loss."""
    window, wire, newest, now = Window(), Wire(), data.draw(st.integers(0, 60)), 0.0
    window.grant(data.draw(st.integers(1, 12)), 10_000)
    window.begin("epoch")
    for _ in range(data.draw(st.integers(1, 60))):
        now += data.draw(st.sampled_from((0.1, 1.0, 2.0)))
        newest += data.draw(st.integers(0, 3))
        send(window, wire, newest, now, with_probes=False)
        turn(window, wire, newest, now, data.draw(st.sampled_from(("arrive", "part", "wait"))))

    assert len(set(wire.sent)) == len(wire.sent)


def send(window: Window, wire: Wire, newest: int, now: float, *, with_probes: bool = True) -> None:
    def publish(seq: int) -> None:
        window.sent(seq, 10, now)
        wire.publish(seq)

    while window.free_live_batches > 0 and window.next_live_seq <= newest:
        publish(window.next_live_seq)
    while window.free_batches and window.next_seq <= newest and window.admits(10):
        publish(max(window.next_seq, wire.through + 1))
    if window.live_from is not None and window.next_seq > newest:
        window.close_lane()
    if with_probes and (seq := window.probe(now)) is not None:
        publish(seq)


def turn(window: Window, wire: Wire, newest: int, now: float, fate: str) -> None:
    arriving = {"arrive": len(wire.under_way), "part": len(wire.under_way) // 2}.get(fate, 0)
    wire.lake |= set(wire.under_way[:arriving])
    del wire.under_way[: len(wire.under_way) if fate == "lose" else arriving]
    if arriving:
        if wire.through > wire.told:
            wire.told = wire.through
            window.settled(wire.told, now)
        for first, last in window.due(wire.missing, now):
            for seq in range(first, last + 1):
                if window.admits_again(seq, 10):
                    window.sent(seq, 10, now)
                    wire.publish(seq)
        window.open_lane(newest)


def test_a_loss_is_declared_at_once_and_again_with_patience():
    window = Window()
    told = [now for now in range(100) if window.must_declare(1, 5, now)]

    assert told == [0, 5, 15, 35, 65, 95]
    window.settled(5, now=100)
    assert window.must_declare(1, 5, 100)
