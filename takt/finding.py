"""The answer of one check of `takt doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What was looked at and how it is.

    Attributes:
        what: What was looked at.
        found: How it is.
        remedy: What to do; empty when nothing is wrong.
    """

    what: str
    found: str
    remedy: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing needs doing."""
        return not self.remedy
