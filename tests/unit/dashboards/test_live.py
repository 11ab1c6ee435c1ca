import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from dashboards.feed import Reading
from dashboards.live import Screen


@pytest.fixture
def screen() -> Screen:
    return Screen(lambda reading: {"clock": {"children": str(reading.at)}})


async def parts(screen: Screen, since: int) -> tuple[int, list[Any]]:
    version, message = await asyncio.wait_for(screen.newer(since), 5)
    return version, json.loads(message)["parts"]


async def test_a_page_that_connects_gets_everything(screen: Screen) -> None:
    screen.show({'"a"': '{"children":1}', '"b"': '{"children":2}'})

    _, got = await parts(screen, 0)

    assert got == [["a", {"children": 1}], ["b", {"children": 2}]]


async def test_a_page_that_follows_gets_only_what_changed(screen: Screen) -> None:
    screen.show({'"a"': '{"children":1}', '"b"': '{"children":2}'})
    version, _ = await parts(screen, 0)

    screen.show({'"a"': '{"children":1}', '"b"': '{"children":3}'})

    assert await parts(screen, version) == (version + 1, [["b", {"children": 3}]])


async def test_a_reading_without_change_is_still_a_sign_of_life(screen: Screen) -> None:
    screen.show({'"a"': '{"children":1}'})
    version, _ = await parts(screen, 0)

    screen.show({'"a"': '{"children":1}'})

    assert await parts(screen, version) == (version + 1, [])


async def test_a_slow_page_skips_messages_but_no_state(screen: Screen) -> None:
    screen.show({'"a"': '{"children":1}', '"b"': '{"children":1}'})
    version, _ = await parts(screen, 0)
    screen.show({'"a"': '{"children":2}', '"b"': '{"children":1}'})
    screen.show({'"a"': '{"children":2}', '"b"': '{"children":2}'})
    screen.show({'"a"': '{"children":3}', '"b"': '{"children":2}'})

    _, got = await parts(screen, version)

    assert got == [["a", {"children": 3}], ["b", {"children": 2}]]


async def test_pages_at_the_same_place_share_one_message(screen: Screen) -> None:
    screen.show({'"a"': '{"children":1}'})

    (_, first), (_, second) = await asyncio.gather(screen.newer(0), screen.newer(0))

    assert first is second


async def test_a_page_waits_for_the_next_reading(screen: Screen) -> None:
    waiting = asyncio.create_task(screen.newer(0))
    await asyncio.sleep(0)
    assert not waiting.done()

    screen.show(screen.encode(Reading(at=datetime(2026, 3, 4))))

    _, message = await asyncio.wait_for(waiting, 5)
    assert "2026-03-04" in message
