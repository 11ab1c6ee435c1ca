"""Errors that cross folders; each is something a caller does differently."""


class TaktError(Exception):
    """What a person should read: one line that says what, where and what to do."""


class ConfigurationError(TaktError):
    """The command or a setting is wrong; the command line exits with 2."""


class BatchError(TaktError):
    """A batch does not decode or breaks the wire contract; it is quarantined.

    Attributes:
        reason: Short code for grouping, e.g. `not_arrow`, `wrong_schema`.
        detail: What was found, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
