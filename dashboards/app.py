"""The Dash application: one frame around all pages, one feed, one place for history."""

from importlib import resources
from pathlib import Path

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, dcc, html
from dash.development.base_component import Component
from fastapi import FastAPI
from starlette.websockets import WebSocket

from dashboards import board, cost_frame, live
from dashboards.feed import Feed, OpenLake, Reading
from dashboards.first_request import PreparedFirst
from dashboards.history import History, NothingPublished
from dashboards.queries import Equipment
from takt.settings import DashboardSettings

_FOLDER = Path(str(resources.files("dashboards")))


class Dashboard:
    """The application with what it reads from.

    Attributes:
        server: The ASGI application to serve.
        feed: What is happening now; `start` and `stop` are the caller's.
        history: What has happened, as last published.
    """

    def __init__(self, open_lake: OpenLake, options: DashboardSettings) -> None:
        self.options = options
        self.feed = Feed(open_lake, options.refresh_s)
        self.history = History(open_lake, self.feed)
        self.server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        self.screen = live.Screen(self._render)
        self.server.add_api_websocket_route("/live", self._follow)
        self.server.state.dashboard = self
        self.dash = _dash(self.server)
        self.server.add_middleware(PreparedFirst)

    @property
    def site(self) -> Equipment:
        """The site as last read.

        Raises:
            NothingPublished: No equipment has been loaded yet.
        """
        moment = self.feed.latest.moment
        if moment is None or moment.site is None:
            raise NothingPublished("no equipment has been loaded yet")
        return moment.site

    def _render(self, reading: Reading) -> live.Parts:
        overview = board.render(reading, target=self.options.oee_target)
        return {**overview, **cost_frame.render(reading)}

    async def _follow(self, websocket: WebSocket) -> None:
        await live.follow(websocket, self.screen)


def current() -> Dashboard:
    """The dashboard a callback or layout belongs to."""
    dashboard: Dashboard = dash.get_app().server.state.dashboard
    return dashboard


def _dash(server: FastAPI) -> dash.Dash:
    app = dash.Dash(
        "dashboards",
        server=server,
        backend="fastapi",
        use_pages=True,
        pages_folder=str(_FOLDER / "pages"),
        assets_folder=str(_FOLDER / "assets"),
        serve_locally=True,
        title="Takt",
        update_title=None,
        index_string=(_FOLDER / "index.html").read_text(),
        suppress_callback_exceptions=True,
        enable_mcp=False,
    )
    app.layout = _frame()
    app.clientside_callback(
        ClientsideFunction("frame", "switchScheme"),
        Output("frame-theme", "forceColorScheme"),
        Input("frame-scheme", "n_clicks"),
    )
    app.clientside_callback(
        ClientsideFunction("frame", "markPage"),
        Output("frame-pages", "data-page"),
        Input("_pages_location", "pathname"),
    )
    return app


def _frame() -> Component:
    links = [dcc.Link(page["name"], href=page["path"]) for page in dash.page_registry.values()]
    return dmc.MantineProvider(
        [
            html.A("Skip to the page", href="#main", className="skip"),
            html.Header(
                [
                    html.Span("Takt", className="brand"),
                    html.Nav(links, id="frame-pages", **{"aria-label": "Pages"}),
                    html.Span(id="frame-site", className="site"),
                    html.Span(id="frame-freshness", className="freshness"),
                    html.Button(
                        html.Span(className="icon icon-scheme"),
                        id="frame-scheme",
                        className="scheme",
                        **{"aria-label": "Switch between light and dark"},
                    ),
                ],
                className="frame",
            ),
            html.Div(id="frame-link", **{"aria-live": "polite"}),
            dash.page_container,
        ],
        id="frame-theme",
        theme={"primaryColor": "indigo", "fontFamily": "inherit"},
    )
