from tests.dagster_definitions import dagster

__all__ = ["dagster"]
