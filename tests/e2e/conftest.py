from tests.e2e.failure_report import failure_report  # noqa: F401
