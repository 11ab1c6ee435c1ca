"""How dbt is called."""

from pathlib import Path

from pipelines import dbt
from takt.settings import KpiSettings, Settings


def test_marts_of_another_provisional_threshold_are_rebuilt(tmp_path: Path) -> None:
    usual = Settings(home=tmp_path)
    stricter = usual.model_copy(update={"kpi": KpiSettings(provisional_below=0.99)})

    assert dbt.origin(usual) == dbt.origin(Settings(home=tmp_path / "elsewhere"))
    assert dbt.origin(usual) != dbt.origin(stricter)
