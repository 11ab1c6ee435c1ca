import time

from edge.clock import Clock


def test_the_clock_never_runs_backwards_when_the_wall_clock_is_set_back(monkeypatch):
    clock = Clock()
    before = clock.now()
    wall = time.time_ns
    monkeypatch.setattr("edge.clock.time.time_ns", lambda: wall() - 3_600 * 10**9)

    assert clock.now() >= before
    assert round(clock.take_step_s()) == -3_600
    assert clock.take_step_s() == 0.0


def test_the_clock_goes_on_after_what_was_given_before_a_restart():
    clock = Clock()
    latest = clock.now() + 10**9

    clock.never_before(latest)

    assert clock.now() > latest
    assert clock.take_step_s() == 0.0
