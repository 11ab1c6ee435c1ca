"""Where something happens: ISA-95 equipment paths below the site."""

import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

COLLECTOR_EQUIPMENT = "$collector"
"""Stands in `equipment` for events that concern a whole collector."""


def is_name(text: str) -> bool:
    """Whether `text` can name a site, a collector or one level of a path."""
    return _NAME.fullmatch(text) is not None


def is_path(text: str) -> bool:
    """Whether `text` is an equipment path such as `assembly/line1/press01`."""
    return bool(text) and all(is_name(level) for level in text.split("/"))
