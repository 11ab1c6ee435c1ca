"""A plant fortnight with everything in it, computed once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.simulator import business_data, truth
from edge.simulator.production import Plant
from edge.simulator.shifts import to_ms
from edge.simulator.signals import Signals
from takt.settings import Settings

SEED = 11
START = datetime(2026, 10, 14, 3, 17, tzinfo=UTC)
"""A Wednesday, in line 2's night shift; the change of clocks comes on the second Sunday."""
END = datetime(2026, 10, 28, 9, 5, tzinfo=UTC)


@pytest.fixture(scope="session")
def plant() -> Plant:
    return Plant(SEED, to_ms(START))


@pytest.fixture(scope="session")
def signals(plant: Plant) -> Signals:
    return Signals(plant)


@pytest.fixture(scope="session")
def truth_folder(plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("truth")
    truth.write_truth(folder, "demo", plant, to_ms(START), to_ms(END))
    return folder


@pytest.fixture(scope="session")
def business_folder(plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("business")
    business_data.write_business_data(folder, "demo", plant, to_ms(END))
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")
