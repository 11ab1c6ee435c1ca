"""From Sparkplug's names to equipment paths, as the configuration says.

Belongs here: one equipment for one edge node or device, and never one for two. What cannot be
a path is refused with what to write into the configuration; nothing is renamed by itself,
since two names could become one.
"""

from collections.abc import Mapping

from edge.sparkplug.topic import NodeId
from takt.equipment import is_path
from takt.errors import TaktError


class EquipmentError(TaktError):
    """An edge node or device has no equipment path of its own."""


class EquipmentNames:
    """Paths of one source.

    Args:
        pattern: Levels with `{group}`, `{node}` and `{device}`; levels with `{device}` are
            left out for the edge node itself.
        given: Paths by `group/node` or `group/node/device`, before the pattern.
    """

    def __init__(self, pattern: str, given: Mapping[str, str]) -> None:
        self._levels = pattern.split("/")
        self._given = given
        self._paths: dict[tuple[NodeId, str], str] = {}
        self._owners: dict[str, str] = {}

    def path(self, node: NodeId, device: str) -> str:
        """The equipment of a device, or of the node when the device is empty.

        Raises:
            EquipmentError: The name is no path, or the path is another's.
        """
        if (known := self._paths.get((node, device))) is not None:
            return known
        name = "/".join(filter(None, (*node, device)))
        path = self._given.get(name) or self._by_pattern(node, device)
        if not is_path(path):
            raise EquipmentError(
                f"{name} gives {path!r}, which is no equipment path; name its equipment under"
                " equipment_of"
            )
        # Names that differ by case only are one to many tools and most people.
        owner = self._owners.setdefault(path.lower(), name)
        if owner != name:
            raise EquipmentError(
                f"{name} and {owner} would both be {path}; name one of them under equipment_of"
            )
        self._paths[node, device] = path
        return path

    def _by_pattern(self, node: NodeId, device: str) -> str:
        levels = [level for level in self._levels if device or "{device}" not in level]
        names = {"{group}": node.group, "{node}": node.node, "{device}": device}
        return "/".join(_filled(level, names) for level in levels)


def _filled(level: str, names: Mapping[str, str]) -> str:
    # Split first: a name that looks like a field is not one.
    for field, name in names.items():
        before, found, after = level.partition(field)
        if found:
            return _filled(before, names) + name + _filled(after, names)
    return level
