from edge.epoch_ends import EpochEnds


def test_an_end_is_certain_once_a_batch_written_after_its_report_is_settled():
    ends = EpochEnds()
    ends.reported("old", "new", last_seq=7)

    assert ends.certain("new", 7) == []
    assert ends.certain("another", 99) == []
    assert ends.certain("new", 8) == ["old"]


def test_it_is_reported_once_to_each_that_listens():
    ends = EpochEnds()
    assert ends.must_report("old")
    ends.reported("old", "new", last_seq=7)
    assert not ends.must_report("old")

    ends.restart()

    assert ends.must_report("old")
    assert ends.certain("new", 99) == []
