"""The overview in a real browser: live without reload, honest in every state, on any screen."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import duckdb
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from dashboards import feed as feed_module
from dashboards.queries import live
from takt.errors import TaktError
from tests.conftest import find_program
from tests.integration.dashboards.conftest import served
from tests.unit.dashboards import plant

pytestmark = pytest.mark.browser

_QUIET_CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
SOON_MS = 20_000


@dataclass
class Plant:
    """A served dashboard over a lake that a test can change, empty or take away."""

    con: duckdb.DuckDBPyConnection
    is_away: bool = False
    address: str = ""
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open_lake(self, snapshot_id: int | None = None) -> duckdb.DuckDBPyConnection:
        if self.is_away:
            raise TaktError("the catalog refused the connection")
        return self.con.cursor()

    def change(self, sql: str) -> None:
        self.con.cursor().execute(sql)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_program("chromium"), args=_QUIET_CHROMIUM
        )
        yield chromium
        chromium.close()


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    monkeypatch.setattr(feed_module, "_now", lambda: plant.NOW)
    with plant.tiny_lake() as con:
        found = Plant(con)
        with served(found.open_lake) as server:
            found.address = server.address
            yield found


@pytest.fixture
def visit(browser: Browser, shop: Plant) -> Iterator[Callable[..., Page]]:
    contexts = []

    def go(path: str = "/", screen: dict[str, int] = DESK, scheme: str = "light") -> Page:
        context = browser.new_context(viewport=screen, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SOON_MS)
        page.on("request", lambda request: shop.requests.append(request.url))
        page.on("websocket", lambda socket: shop.requests.append(socket.url))
        page.on("pageerror", lambda error: shop.complaints.append(str(error)))
        page.goto(f"{shop.address}{path}")
        page.evaluate("window.openedOnce = true")
        return page

    yield go
    for context in contexts:
        context.close()


def card(page: Page, name: str) -> object:
    return page.locator("article.card").filter(has=page.get_by_role("heading", name=name))


def heading(page: Page) -> Locator:
    """What the Pareto and the table are about."""
    return page.locator("#overview-heading")


def see(found: object) -> None:
    expect(found).to_be_visible(timeout=SOON_MS)  # type: ignore[call-overload]


def test_a_change_arrives_in_the_open_page_without_reload(
    shop: Plant, visit: Callable[..., Page]
) -> None:
    page = visit()
    see(card(page, "Press 01").get_by_text("Producing"))  # type: ignore[attr-defined]

    shop.change(
        "update marts.live_overview set state = 'held', category = 'delay', cause = 'internal',"
        " reason_name = 'Tool broken' where name = 'Press 01'"
    )

    see(card(page, "Press 01").get_by_text("Tool broken"))  # type: ignore[attr-defined]
    assert page.evaluate("window.openedOnce") is True
    assert shop.complaints == []


def test_an_empty_plant_says_what_to_do_and_fills_by_itself(
    shop: Plant, visit: Callable[..., Page]
) -> None:
    shop.change("alter table marts.live_overview rename to later")
    shop.change("create table marts.live_overview as from marts.later limit 0")
    page = visit()
    see(page.get_by_role("heading", name="No machine yet: connect one"))
    see(page.get_by_text("takt reference load FOLDER"))
    expect(page.locator(".board")).to_be_hidden()

    shop.change("insert into marts.live_overview from marts.later")

    see(card(page, "Press 01"))
    expect(page.locator(".empty")).to_be_hidden(timeout=SOON_MS)


def test_stale_data_is_told_and_ends_by_itself(
    shop: Plant, visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    later = plant.NOW + timedelta(minutes=7)
    monkeypatch.setattr(feed_module, "_now", lambda: later)
    page = visit()
    see(page.get_by_role("status").filter(has_text="No new data since 10:40"))
    see(card(page, "Press 01"))

    shop.change(f"insert into raw.batch values ('{later}')")

    expect(page.locator(".notice-stale")).to_be_hidden(timeout=SOON_MS)
    see(page.get_by_text("Live", exact=True))


def test_a_lake_that_goes_away_leaves_the_board_and_says_so(
    shop: Plant, visit: Callable[..., Page]
) -> None:
    page = visit()
    see(card(page, "Press 01"))

    shop.is_away = True
    shop.change("alter table marts.live_ribbon rename column state to gone")

    see(page.get_by_role("alert").filter(has_text="The lake has not answered since"))
    see(card(page, "Press 01"))
    see(page.get_by_text("the page continues by itself"))

    shop.change("alter table marts.live_ribbon rename column gone to state")
    shop.is_away = False

    expect(page.locator(".notice-error")).to_be_hidden(timeout=SOON_MS)


def test_a_lake_that_hangs_is_told_until_it_answers(
    shop: Plant, visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visit()
    see(card(page, "Press 01"))
    answers, freeze = threading.Event(), live.freeze_equipment

    def hang(con: duckdb.DuckDBPyConnection) -> None:
        answers.wait(60)
        freeze(con)

    monkeypatch.setattr(live, "freeze_equipment", hang)
    lost = page.get_by_text("No connection to Takt since")
    try:
        with page.expect_event("websocket", timeout=SOON_MS) as comes_back:
            pass
        comes_back.value.wait_for_event("framereceived", timeout=SOON_MS)
        with pytest.raises(AssertionError):
            expect(lost).to_be_hidden(timeout=3_000)
    finally:
        answers.set()

    expect(lost).to_be_hidden(timeout=SOON_MS)
    see(page.get_by_text("Live", exact=True))


def test_a_page_survives_the_restart_of_its_server(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "_now", lambda: plant.NOW)
    abroad = browser.new_context(timezone_id="Pacific/Auckland")
    with plant.tiny_lake() as con, closing(abroad) as context:
        shop = Plant(con)
        page = context.new_page()
        with served(shop.open_lake) as server:
            page.goto(f"{server.address}/?period=7d")
            see(card(page, "Press 01"))
        lost = page.get_by_text("No connection to Takt since")
        see(lost)
        assert since_by_the_sites_clock(lost.inner_text()) < timedelta(minutes=5)
        see(card(page, "Press 01"))

        with served(shop.open_lake, port=urlsplit(server.address).port or 0):
            expect(page.get_by_text("No connection to Takt since")).to_be_hidden(timeout=SOON_MS)
            see(heading(page).get_by_text("Last 7 days"))
            see(card(page, "Press 01"))


def since_by_the_sites_clock(banner: str) -> timedelta:
    """How long ago the time in the banner was, if it is a time in Berlin."""
    told = re.search(r"since (\d\d):(\d\d):(\d\d)", banner)
    assert told is not None, banner
    hours, minutes, seconds = map(int, told.groups())
    now = datetime.now(ZoneInfo("Europe/Berlin"))
    then = now.replace(hour=hours, minute=minutes, second=seconds, microsecond=0)
    return (now - then) % timedelta(days=1)


def test_a_phone_needs_no_sideways_scrolling(shop: Plant, visit: Callable[..., Page]) -> None:
    page = visit("/?period=14d", PHONE, "dark")
    see(card(page, "Washer"))
    see(page.locator("#overview-losses .bars"))

    width = page.evaluate("document.documentElement.scrollWidth")
    menu = page.locator("nav").evaluate("nav => [nav.scrollWidth, nav.clientWidth]")

    assert width <= PHONE["width"]
    assert menu[0] <= menu[1]


def test_what_is_selected_by_keyboard_stands_in_the_url_and_comes_back(
    shop: Plant, visit: Callable[..., Page]
) -> None:
    page = visit()
    see(card(page, "Mill 01"))
    page.get_by_text("7 days", exact=True).click()
    see(heading(page).get_by_text("Last 7 days"))
    name = page.get_by_role("button", name="Mill 01: show its stops")
    name.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert name.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    see(page.get_by_role("button", name="Remove Mill 01"))

    assert urlsplit(page.url).query == "period=7d&unit=assembly%2Fline2%2Fmill01"
    page.reload()
    see(page.get_by_role("button", name="Remove Mill 01"))
    see(heading(page).get_by_text("Last 7 days"))
    page.go_back()
    expect(page.get_by_role("button", name="Remove Mill 01")).to_be_hidden(timeout=SOON_MS)
    see(card(page, "Mill 01"))


def test_a_chosen_line_hides_the_other(shop: Plant, visit: Callable[..., Page]) -> None:
    page = visit("/?line=assembly%2Fline2")

    see(card(page, "Mill 01"))
    expect(page.locator("article.card").first).to_be_hidden(timeout=SOON_MS)


def test_no_request_leaves_this_host(shop: Plant, visit: Callable[..., Page]) -> None:
    page = visit()
    see(card(page, "Press 01"))
    see(page.locator("#overview-losses .bars"))
    see(page.locator(".ag-row").first)

    hosts = {
        urlsplit(url).hostname for url in shop.requests if not url.startswith(("data:", "blob:"))
    }

    assert hosts == {"127.0.0.1"}
    assert any(url.startswith("ws://") for url in shop.requests)
