import time

from edge.backoff import MAX_DELAY_S, Backoff
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


def test_waiting_grows_to_its_cap_and_starts_over_after_a_success(monkeypatch):
    monkeypatch.setattr("edge.backoff.random.uniform", lambda _, high: high)
    backoff = Backoff()

    delays = [backoff.next_delay_s() for _ in range(10)]
    backoff.reset()

    assert delays[:3] == [0.5, 1.0, 2.0]
    assert delays[-1] == MAX_DELAY_S
    assert backoff.next_delay_s() == 0.5
