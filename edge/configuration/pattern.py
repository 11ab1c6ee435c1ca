"""The language of topic patterns and of paths of OPC UA nodes, written level by level.

- `plant` matches the level `plant`;
- `+` matches any one level and forgets it;
- `{signal}` is the level that names the signal;
- `{equipment}` is the level that names the equipment, `{equipment:3}` are three levels in a
  row that do: `plant/{equipment:3}/{signal}` reads `plant/assembly/line1/press01/Speed` as
  signal `Speed` of `assembly/line1/press01`.

`{equipment}` or `{signal}` may be absent when the keys `equipment` or `signal` fix it.
"""

import re
from typing import NamedTuple

_FIELD = re.compile(r"\{(equipment|signal)(?::([1-9]))?\}")


class TopicPart(NamedTuple):
    """One piece of a topic pattern: `levels` levels that are `literal` or fill `field`."""

    literal: str | None
    field: str | None
    levels: int


def parse_pattern(pattern: str) -> tuple[TopicPart, ...]:
    """The pieces of a topic pattern; this module's docstring gives its language.

    Raises:
        ValueError: A level is neither a name, `+`, nor a field.
    """
    return tuple(_part(level) for level in pattern.split("/"))


def _part(level: str) -> TopicPart:
    if match := _FIELD.fullmatch(level):
        return TopicPart(None, match[1], int(match[2] or 1))
    if level == "+":
        return TopicPart(None, None, 1)
    if not level or set(level) & set("{}+#"):
        raise ValueError(
            f"topic level {level!r}: write a name, + (any level), {{signal}}, {{equipment}}"
            " or {equipment:3} (three levels)"
        )
    return TopicPart(level, None, 1)
