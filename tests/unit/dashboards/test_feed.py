from datetime import timedelta

import duckdb
import pytest

from dashboards.feed import Feed, Reading
from dashboards.history import History, HistoryUnavailable, NothingPublished
from dashboards.queries import shifts
from takt.errors import ConfigurationError, TaktError
from tests.unit.dashboards import plant

pytestmark = pytest.mark.usefixtures("at_plant_time")


class FlakyLake:
    """A lake that can go away and come back; counts how often it is opened."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.error: Exception | None = None
        self.opened: list[int | None] = []

    def __call__(self, snapshot_id: int | None = None) -> duckdb.DuckDBPyConnection:
        if self.error is not None:
            raise self.error
        self.opened.append(snapshot_id)
        return self.con.cursor()


@pytest.fixture
def lake(con: duckdb.DuckDBPyConnection) -> FlakyLake:
    return FlakyLake(con)


@pytest.fixture
def feed(lake: FlakyLake) -> Feed:
    return Feed(lake, 1.0)


def test_a_reading_is_about_one_moment(feed: Feed) -> None:
    reading = feed.read()

    assert reading.failure is None
    assert reading.moment is not None
    assert {row.computed_through_at for row in reading.moment.equipment} == {plant.NOW}
    assert not reading.is_stale


def test_one_connection_serves_every_reading(feed: Feed, lake: FlakyLake) -> None:
    for _ in range(3):
        feed.read()

    assert lake.opened == [None]


def test_listeners_hear_every_reading(feed: Feed) -> None:
    heard: list[Reading] = []
    feed.listen(heard.append)

    feed.read()
    feed.read()

    assert len(heard) == 2
    assert heard[-1] is feed.latest


def test_a_lake_that_goes_away_keeps_the_last_moment_and_says_since_when(
    feed: Feed, lake: FlakyLake
) -> None:
    before = feed.read()
    feed._con.close()  # type: ignore[union-attr]
    lake.error = TaktError("connection refused")

    first, second = feed.read(), feed.read()

    assert first.moment is before.moment
    assert second.failure == "connection refused"
    assert second.failing_since == before.at


def test_a_lake_that_comes_back_is_opened_anew(feed: Feed, lake: FlakyLake) -> None:
    lake.error = TaktError("connection refused")
    feed.read()
    lake.error = None

    reading = feed.read()

    assert reading.failure is None
    assert reading.failing_since is None
    assert reading.moment is not None


def test_silence_of_the_collectors_is_stale(feed: Feed, con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update raw.batch set committed_at = committed_at - interval 7 minute")

    assert feed.read().is_stale


def test_silence_stays_known_when_it_outlasts_the_look_back(
    feed: Feed, con: duckdb.DuckDBPyConnection
) -> None:
    feed.read()
    con.execute("delete from raw.batch")

    reading = feed.read()

    assert reading.moment is not None
    assert reading.moment.latest_commit_at == plant.NOW - timedelta(seconds=1)


def test_no_lake_yet_is_a_beginning_not_a_failure(feed: Feed, lake: FlakyLake) -> None:
    lake.error = ConfigurationError("there is no lake yet")

    reading = feed.read()

    assert reading.failure is None
    assert reading.moment is not None
    assert reading.moment.site is None
    assert reading.moment.missing == "there is no lake yet"


def test_a_lake_that_disappears_later_is_a_failure(feed: Feed, lake: FlakyLake) -> None:
    feed.read()
    feed._con.close()  # type: ignore[union-attr]
    lake.error = ConfigurationError("there is no lake")

    feed.read()
    assert feed.read().failure == "there is no lake"


@pytest.mark.parametrize(
    "told",
    [
        'cannot connect to "host=h user=takt password=S3cret dbname=takt": refused',
        "cannot connect to 'postgresql://takt:S3cret@h/takt': refused",
        "cannot connect: password='S3cret' host=h\nDETAIL: S3cret",
    ],
)
def test_a_password_in_an_error_is_shown_to_nobody(
    feed: Feed, lake: FlakyLake, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    lake.error = TaktError(told)

    failure = feed.read().failure

    assert failure is not None
    assert failure.startswith("cannot connect")
    assert "S3cret" not in failure + caplog.text


def test_a_lake_without_marts_shows_no_machine() -> None:
    with duckdb.connect() as con:
        con.execute("create schema raw; create table raw.batch(committed_at timestamp)")

        reading = Feed(lambda snapshot_id=None: con.cursor(), 1.0).read()

    assert reading.failure is None
    assert reading.moment is not None
    assert reading.moment.site is None


def test_a_question_about_the_past_is_asked_once_per_publication(
    feed: Feed, lake: FlakyLake, con: duckdb.DuckDBPyConnection
) -> None:
    history = History(lake, feed)
    feed.read()
    history.ask(shifts.period_start, first_day=plant.DAY)
    con.execute("delete from marts.work_unit_shift")

    again = history.ask(shifts.period_start, first_day=plant.DAY)
    con.execute("insert into pipeline.publication values (8, now()::timestamp)")
    feed.read()
    anew = history.ask(shifts.period_start, first_day=plant.DAY)

    assert again == plant.SHIFT_START
    assert anew is None
    assert lake.opened == [None, 7, 8]


def test_history_of_what_was_asked_before_outlives_the_lake(feed: Feed, lake: FlakyLake) -> None:
    history = History(lake, feed)
    feed.read()
    history.ask(shifts.period_start, first_day=plant.DAY)
    history.close()
    lake.error = TaktError("connection refused")

    assert history.ask(shifts.period_start, first_day=plant.DAY) == plant.SHIFT_START
    with pytest.raises(HistoryUnavailable):
        history.ask(shifts.period_start, first_day=plant.DAY - timedelta(days=1))


def test_nothing_published_is_told_apart_from_nothing_answering(
    feed: Feed, con: duckdb.DuckDBPyConnection, lake: FlakyLake
) -> None:
    con.execute("delete from pipeline.publication")
    feed.read()

    with pytest.raises(NothingPublished):
        History(lake, feed).ask(shifts.period_start, first_day=plant.DAY)
