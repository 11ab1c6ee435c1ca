"""Settings: environment over file over defaults, and no unknown key passes."""

from pathlib import Path

import pytest

from takt import settings
from takt.errors import ConfigurationError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAKT_HOME", str(tmp_path))
    return tmp_path


def test_the_environment_wins_over_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "takt.toml").write_text("[broker]\nport = 1884\nhost = 'localhost'\n")
    monkeypatch.setenv("TAKT_BROKER__PORT", "1885")

    broker = settings.load().broker

    assert (broker.host, broker.port) == ("localhost", 1885)


def test_another_machines_broker_needs_tls_or_a_word_that_it_does_not(home: Path) -> None:
    (home / "takt.toml").write_text("[broker]\nhost = 'broker.example'\n")
    with pytest.raises(ConfigurationError, match=r"setting broker: broker\.example.*ca_file"):
        settings.load()

    (home / "takt.toml").write_text("[broker]\nhost = 'broker.example'\nplain_text = true\n")
    assert settings.load().broker.host == "broker.example"


def test_an_unknown_key_is_an_error_that_names_it(home: Path) -> None:
    (home / "takt.toml").write_text("[broker]\nprot = 1884\n")

    with pytest.raises(ConfigurationError, match=r"broker\.prot"):
        settings.load()


def test_a_variable_that_is_not_json_is_no_fault_of_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAKT_KPI__MINOR_STOP_THRESHOLDS_S", "{press")

    with pytest.raises(ConfigurationError, match=r'the environment: .*"kpi".* as JSON'):
        settings.load()


def test_a_threshold_that_is_too_long_is_named_with_its_variable(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAKT_KPI__MINOR_STOP_THRESHOLDS_S", '{"line/press": 9999}')

    with pytest.raises(ConfigurationError, match=r"line/press: .*\(TAKT_KPI__MINOR_\w+_S\)"):
        settings.load()


def test_a_file_that_is_not_toml_is_named(home: Path) -> None:
    (home / "takt.toml").write_text("port = = 1")

    with pytest.raises(ConfigurationError, match=r"takt\.toml"):
        settings.load()


def test_the_lakes_files_lie_in_the_home_by_default(home: Path) -> None:
    assert settings.load().data_path == str(home / "lake")


def test_a_child_process_loads_the_very_same_settings(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAKT_CATALOG", "postgresql://somewhere")
    given = settings.Settings(
        home=home,
        catalog=None,
        broker=settings.BrokerSettings(port=1886, embedded=False),
        kpi=settings.KpiSettings(
            constraints=("assembly/Line 1/press01",),
            minor_stop_thresholds_s={"assembly/Line 1/press01": 30},
        ),
    )

    for name, value in given.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TAKT_CATALOG")

    assert "TAKT_CATALOG" not in given.environment()
    assert settings.load() == given
