"""What lake tests share: rows to commit and a wire to the catalog that can be cut."""

import datetime as dt
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lake.schema import BATCH, TELEMETRY
from lake.shard import Commit
from takt.settings import Settings

EPOCH = "6f1b1c5e-52a5-4a4e-9d0a-3f8f2d1c0b9a"
NOON = dt.datetime(2025, 3, 4, 12)
ROWS = 10


def commit_of(seq: int, *, days: int = 1, committed_at: dt.datetime = NOON) -> Commit:
    """One batch of `ROWS` rows, spread over days."""
    first_row = (seq - 1) * ROWS + 1
    samples = [
        {
            "site": "demo",
            "collector": "collector1",
            "epoch": EPOCH,
            "row_number": first_row + i,
            "equipment": f"assembly/line1/press{i % 3}",
            "signal": "StateCurrent",
            "observed_at": NOON + dt.timedelta(days=i % days, seconds=seq),
            "value": float(i),
            "quality": 0,
            "received_at": NOON,
            "is_historical": False,
        }
        for i in range(ROWS)
    ]
    batch = {
        "site": "demo",
        "collector": "collector1",
        "epoch": EPOCH,
        "first_seq": seq,
        "last_seq": seq,
        "first_row": first_row,
        "rows": ROWS,
        "status": "committed",
        "digests": seq.to_bytes(16, "big"),
        "ingestor_id": "me",
        "committed_at": committed_at,
    }
    wanted = pa.schema([f for f in TELEMETRY.arrow_schema if f.name != "observed_date"])
    return Commit(
        telemetry=pa.Table.from_pylist(samples, schema=wanted),
        batches=pa.Table.from_pylist([batch], schema=BATCH.arrow_schema),
    )


class CatalogWire:
    """A unix socket in front of a catalog; on demand it loses what COMMIT is answered."""

    def __init__(self, folder: Path, catalog: str) -> None:
        given = conninfo_to_dict(catalog)
        port = given.get("port") or "5432"
        self._target = f"{given['host']}/.s.PGSQL.{port}"
        self.conninfo = make_conninfo(catalog, host=str(folder))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/.s.PGSQL.{port}")
        self._listener.listen()
        self._at_commit: Callable[[], bool] | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def at_next_commit(
        self, action: Callable[[], bool], then: Callable[[], object] = lambda: None
    ) -> None:
        """Call `action` when the next COMMIT is on its way, then cut the connection.

        If `action` returns true, the catalog gets the COMMIT, has answered, and `then` was called
        before the cut.
        """
        self._at_commit = action
        self._then = then

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._target)
            except OSError:
                client.close()
                continue
            is_cut = threading.Event()
            answered = threading.Event()
            ends = (client, server, is_cut, answered)
            threading.Thread(target=self._to_server, args=ends, daemon=True).start()
            threading.Thread(target=self._to_client, args=ends, daemon=True).start()

    def _to_server(self, client, server, is_cut, answered) -> None:
        while data := _received(client):
            if b"COMMIT" in data and (action := self._at_commit) is not None:
                self._at_commit = None
                is_cut.set()
                if action():
                    server.sendall(data)
                    answered.wait(10)
                    self._then()
                break
            server.sendall(data)
        _shut(client, server)

    def _to_client(self, client, server, is_cut, answered) -> None:
        while data := _received(server):
            if is_cut.is_set():
                answered.set()
                return
            client.sendall(data)
        _shut(client, server)


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(1 << 20)
    except OSError:
        return b""


def _shut(*ends: socket.socket) -> None:
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue


@pytest.fixture
def wire(
    lake_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CatalogWire]:
    """A wire to the catalog of `lake_settings`; see `wired_settings`."""
    assert lake_settings.catalog is not None
    wire = CatalogWire(tmp_path_factory.mktemp("w"), lake_settings.catalog)
    yield wire
    wire.close()


@pytest.fixture
def wired_settings(lake_settings: Settings, wire: CatalogWire) -> Settings:
    """The same lake as `lake_settings`, reached over the wire."""
    return Settings(home=lake_settings.home, catalog=wire.conninfo)
