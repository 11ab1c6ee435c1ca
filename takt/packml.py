"""PackML states (ISA-TR88.00.02-2015) and the plain states a value map may use instead."""

from enum import StrEnum


class State(StrEnum):
    """The 17 states of the PackML state model."""

    STOPPED = "stopped"
    RESETTING = "resetting"
    IDLE = "idle"
    STARTING = "starting"
    EXECUTE = "execute"
    COMPLETING = "completing"
    COMPLETE = "complete"
    ABORTING = "aborting"
    ABORTED = "aborted"
    STOPPING = "stopping"
    CLEARING = "clearing"
    SUSPENDING = "suspending"
    SUSPENDED = "suspended"
    UNSUSPENDING = "unsuspending"
    HOLDING = "holding"
    HELD = "held"
    UNHOLDING = "unholding"


PLAIN_STATES = ("running", "idle", "stopped", "setup")
"""What machines without PackML say; `setup` also stands for PackML's setup mode."""

MAPPED_VALUES = tuple(dict.fromkeys([*State, *PLAIN_STATES]))
"""Every legal `mapped_value` of a value map."""

CODE_TABLES = ("packml", "tmc")
"""Value maps that need not be loaded: the numbers of states in PackML's own tags (OMAC PackTags,
ISA-TR88.00.02, OPC 30050) and in OPC 30060 (TMC). dbt has their codes."""
