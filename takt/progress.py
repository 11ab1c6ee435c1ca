"""How long work tells a person how far it is, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Called now and then by whatever takes longer than two seconds."""

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` (None: unknown) of `what` is finished."""


def silent(what: str, done: int, total: int | None) -> None:
    """Tell nobody."""
