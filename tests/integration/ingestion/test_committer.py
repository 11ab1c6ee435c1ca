"""Commits that fail, and what the ledger says afterwards."""

from collections.abc import Callable

import pytest

from ingestion.committer import Committer
from ingestion.inbox import Message
from ingestion.intake import Intake
from lake.errors import LakeUnavailable, OutcomeUnknown
from lake.shard import Commit, ShardWriter
from takt import batch, topics
from takt.settings import Settings
from tests.integration.ingestion.conftest import query, samples

SOURCE = topics.Collector("demo", "collector1")
EPOCH = "0e2a5f4c-8f4e-4d1c-9a51-000000000001"


@pytest.fixture
def writer(lake_settings: Settings) -> ShardWriter:
    writer = ShardWriter(lake_settings, "ingestor-1")
    writer.take_over()
    return writer


def intake_of(count: int) -> Intake:
    """`count` batches of five rows, and one message that is refused."""
    intake = Intake()
    for seq in range(1, count + 1):
        payload = batch.encode(samples(5, 5 * (seq - 1)), 5 * seq - 4)
        intake.add(Message(topics.batch_topic(SOURCE, EPOCH, seq), payload))
    intake.add(Message("takt/v1/demo/collector1/batch/nonsense", b"garbage", is_retained=True))
    return intake


def failing_once(monkeypatch: pytest.MonkeyPatch, error: Exception, *, takes_effect: bool) -> None:
    real_commit: Callable[[ShardWriter, Commit], None] = ShardWriter.commit
    failures = [error]

    def commit(writer: ShardWriter, content: Commit) -> None:
        if not failures or takes_effect:
            real_commit(writer, content)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(ShardWriter, "commit", commit)


@pytest.mark.parametrize("takes_effect", [True, False])
def test_a_commit_of_unknown_outcome_is_in_the_lake_once(
    lake_settings: Settings,
    writer: ShardWriter,
    monkeypatch: pytest.MonkeyPatch,
    takes_effect: bool,
) -> None:
    failing_once(monkeypatch, OutcomeUnknown("COMMIT failed"), takes_effect=takes_effect)
    committer = Committer(lake_settings, writer, "ingestor-1")
    intake = intake_of(4)
    selection = intake.take(100, 10**9)
    with pytest.raises(OutcomeUnknown):
        committer.commit(selection)
    intake.mark_attempted(selection)

    committer.commit(intake.take(100, 10**9))

    assert query(
        lake_settings, "select count(*), count(distinct row_number) from raw.telemetry"
    ) == [(20, 20)]
    assert query(lake_settings, "select sum(rows), max(last_seq) from raw.batch") == [(20, 4)]
    assert query(lake_settings, "select count(*) from raw.quarantine") == [(1,)]
    assert query(lake_settings, "select count(*) from raw.transport_repeat") == [(0,)]


def test_what_could_not_be_committed_is_not_believed_settled(
    lake_settings: Settings, writer: ShardWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_once(monkeypatch, LakeUnavailable("away"), takes_effect=False)
    committer = Committer(lake_settings, writer, "ingestor-1")
    intake = intake_of(4)
    with pytest.raises(LakeUnavailable):
        committer.commit(intake.take(100, 10**9))

    verdicts = committer.commit(intake.take(100, 10**9))

    assert [row.span.last_seq for row in verdicts.ledger] == [4]
    assert query(lake_settings, "select count(*) from raw.telemetry") == [(20,)]


def test_a_retained_message_is_quarantined_once_over_restarts(
    lake_settings: Settings, writer: ShardWriter
) -> None:
    for _ in range(2):
        Committer(lake_settings, writer, "ingestor-1").commit(intake_of(0).take(100, 10**9))

    assert query(lake_settings, "select count(*) from raw.quarantine") == [(1,)]
