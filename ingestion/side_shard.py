"""How imports and replays write beside the ingestion that runs.

They commit as ingestion does, but under a shard of their own: taking over the running
ingestor's shard would stop it. One of them writes at a time; the others wait.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from lake.locks import import_lock
from lake.schema import SIDE_SHARD
from lake.shard import ShardWriter
from takt.settings import Settings


@contextmanager
def side_writer(settings: Settings) -> Iterator[tuple[ShardWriter, str]]:
    """A writer that owns the shard of imports, and the name it owns it under.

    Raises:
        LockTimeout: Another import or replay is under way for too long.
        LakeUnavailable: The lake does not answer.
        OutcomeUnknown: The lake was lost; try again.
    """
    owner_id = str(uuid.uuid4())
    with import_lock(settings):
        writer = ShardWriter(settings, owner_id, shard=SIDE_SHARD)
        try:
            writer.take_over()
            yield writer, owner_id
        finally:
            writer.close()
