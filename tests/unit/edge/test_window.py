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
    window = sending(6)

    assert window.due([(2, 3), (5, 9)], now=0.5) == []
    assert window.due([(2, 3), (5, 9)], now=1.5) == [(2, 3), (5, 6)]
    window.sent(2, 10, 1.5)
    assert window.due([(2, 3)], now=2) == [(3, 3)]


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


def test_a_restart_begins_with_the_first_held_batch():
    window = sending(6)

    window.restart()

    assert (window.next_seq, window.free_batches) == (1, 100)


def test_a_loss_is_declared_at_once_and_again_with_patience():
    window = Window()
    told = [now for now in range(100) if window.must_declare(1, 5, now)]

    assert told == [0, 5, 15, 35, 65, 95]
    window.settled(5, now=100)
    assert window.must_declare(1, 5, 100)
