"""The page of stops in a real browser, with a terminal that really keeps what is said."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboards import feed as feed_module
from takt.settings import BrokerSettings, Settings
from tests.conftest import free_port
from tests.e2e.test_overview_page import PHONE, SOON_MS, Plant, browser, see, visit
from tests.integration.dashboards.conftest import served
from tests.unit.dashboards import plant

__all__ = ["browser", "visit"]

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Plant]:
    """The tiny plant; nothing listens where its broker should be."""
    monkeypatch.setattr(feed_module, "_now", lambda: plant.NOW)
    settings = Settings(home=tmp_path, broker=BrokerSettings(port=free_port()))
    with plant.tiny_lake() as con:
        found = Plant(con)
        with served(found.open_lake, settings=settings) as server:
            found.address = server.address
            yield found


def waiting(page: Page) -> Locator:
    return page.get_by_role("checkbox")


def choose_reason(page: Page, search: str, reason: str) -> None:
    field = page.get_by_role("textbox", name="Reason")
    field.click()
    field.fill(search)
    page.get_by_role("option", name=reason).click()


def name_yourself(page: Page, name: str) -> None:
    page.get_by_role("textbox", name="Who says so").fill(name)
    page.keyboard.press("Tab")


def test_what_is_said_of_stops_leaves_the_list_and_can_be_taken_back(
    shop: Plant, visit: Callable[..., Page]
) -> None:
    page = visit("/stops?where=assembly%2Fline1%2Fpress01")
    see(page.get_by_role("heading", name="stops wait for a reason", level=2))
    see(waiting(page).first)
    count = waiting(page).count()
    waiting(page).nth(0).click()
    waiting(page).nth(1).click()
    see(page.get_by_text("2 stops: "))

    page.get_by_role("button", name="Say so").click()
    see(page.get_by_role("alert").filter(has_text="Write who says so"))
    name_yourself(page, "Kim")
    choose_reason(page, "jam", "Jammed feeder")
    page.get_by_role("button", name="Say so").click()

    see(page.get_by_text("Said of 2 stops: Jammed feeder."))
    expect(waiting(page)).to_have_count(count - 2, timeout=SOON_MS)
    expect(page.get_by_text("waits for the next refresh")).to_have_count(2, timeout=SOON_MS)
    see(page.get_by_text("says Kim").first)
    see(page.get_by_role("status").filter(has_text="2 entries are kept on this server"))

    page.get_by_role("button", name="Take back").first.click()

    see(page.get_by_text("taken back by Kim"))
    expect(waiting(page)).to_have_count(count - 1, timeout=SOON_MS)
    page.reload()
    expect(page.get_by_role("textbox", name="Who says so")).to_have_value("Kim", timeout=SOON_MS)
    see(page.get_by_text("taken back by Kim"))
    assert shop.complaints == []


def test_stops_that_are_one_are_said_to_be_with_none_left_out(
    shop: Plant, visit: Callable[..., Page]
) -> None:
    shop.change(
        "delete from marts.stop_event where stop_id not in"
        " (select stop_id from marts.unclassified_stop)"
    )
    page = visit("/stops?where=assembly%2Fline1%2Fpress01&order=newest")
    see(waiting(page).first)
    count = waiting(page).count()
    one = page.get_by_role("switch", name="They are one stop")

    waiting(page).nth(0).click()
    see(page.get_by_text("1 stop: "))
    expect(one).to_be_hidden(timeout=SOON_MS)
    waiting(page).nth(2).click()
    one.click()
    waiting(page).nth(2).click()
    expect(one).to_be_hidden(timeout=SOON_MS)
    waiting(page).nth(2).click()
    expect(one).to_be_visible(timeout=SOON_MS)
    expect(one).not_to_be_checked(timeout=SOON_MS)
    one.click()
    name_yourself(page, "Kim")
    choose_reason(page, "tool", "Tool broken")
    page.get_by_role("button", name="Say so").click()
    see(page.get_by_role("alert").filter(has_text="Another stop lies between them"))
    waiting(page).nth(1).click()
    see(page.get_by_text("3 stops: "))
    page.get_by_role("button", name="Say so").click()

    see(page.get_by_text("Said of 3 stops as one: Tool broken."))
    expect(waiting(page)).to_have_count(count - 3, timeout=SOON_MS)
    see(page.get_by_text("Tool broken · one stop"))
    expect(one).to_be_hidden(timeout=SOON_MS)
    page.get_by_role("button", name="Take back").click()
    expect(waiting(page)).to_have_count(count, timeout=SOON_MS)
    assert shop.complaints == []


def test_the_stops_page_fits_a_phone_and_is_reached_from_the_overview(
    shop: Plant, visit: Callable[..., Page]
) -> None:
    page = visit("/", PHONE, "dark")
    page.get_by_role("link", name="Stops").click()
    waiting(page).nth(0).click()
    see(page.get_by_text("1 stop: "))

    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(page.get_by_role("button", name="Say so")).to_be_in_viewport(timeout=SOON_MS)
