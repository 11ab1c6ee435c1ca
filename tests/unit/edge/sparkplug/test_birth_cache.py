from pathlib import Path

import pytest

from edge.sparkplug.birth_cache import BirthCache, BirthCacheError
from edge.sparkplug.node import Born
from edge.sparkplug.reading import decode
from edge.sparkplug.topic import NodeId
from tests.sparkplug_messages import data, metric, node_birth

NODE, OTHER = NodeId("plant1", "edge1"), NodeId("plant1", "edge2")
NBIRTH = decode(node_birth(bd_seq=3))
DBIRTH = decode(data([metric("Count", 7, "Int32", alias=1)]))
ALL = [Born(NODE, "", NBIRTH), Born(NODE, "press01", DBIRTH), Born(OTHER, "", NBIRTH)]


def kept(path: Path) -> list[Born]:
    cache = BirthCache(path)
    found = list(cache.births())
    cache.close()
    return found


def keep(path: Path, *changes: Born) -> None:
    cache = BirthCache(path)
    cache.keep(changes)
    cache.close()


def test_births_are_there_again_a_node_before_its_devices(tmp_path):
    keep(tmp_path / "a.db", *ALL)

    assert kept(tmp_path / "a.db") == ALL


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (Born(NODE, "", None), ALL[2:]),
        (Born(NODE, "press01", None), [ALL[0], ALL[2]]),
        (Born(NODE, "", NBIRTH), [ALL[0], ALL[2]]),
    ],
    ids=["death of a node", "death of a device", "a node's next birth"],
)
def test_what_ends_with_a_change_is_gone(tmp_path, change, left):
    keep(tmp_path / "a.db", *ALL, change)

    assert kept(tmp_path / "a.db") == left


def test_a_damaged_file_is_put_aside(tmp_path):
    (tmp_path / "a.db").write_bytes(b"no database" * 1_000)

    assert kept(tmp_path / "a.db") == []
    assert (tmp_path / "a.damaged").exists()


def test_a_disk_that_refuses_is_said(tmp_path):
    cache = BirthCache(tmp_path / "a.db")
    cache.close()

    with pytest.raises(BirthCacheError, match="births cannot be kept"):
        cache.keep(ALL)


def test_without_a_folder_births_are_kept_in_memory_and_this_is_said(tmp_path, caplog):
    (tmp_path / "sparkplug").write_text("a file")
    cache = BirthCache(tmp_path / "sparkplug" / "a.db")
    cache.keep(ALL)

    assert list(cache.births()) == ALL
    assert "after a restart births must be heard again" in caplog.text
    cache.close()
