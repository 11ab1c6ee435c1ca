"""Errors of the lake; each is something a caller does differently."""

from takt.errors import TaktError


class LakeUnavailable(TaktError):
    """The catalog or the files cannot be reached now; nothing was committed: try again later."""


class OutcomeUnknown(TaktError):
    """COMMIT failed, so it may have happened or not: read the ledger again, only then retry."""


class FenceLost(TaktError):
    """Another owner writes this shard now: stop."""


class LockTimeout(TaktError):
    """Somebody else holds the lock for longer than the caller would wait."""


class LakeDamaged(TaktError):
    """The catalog names files that are missing or have another size: a person is needed."""
