"""Orchestration: what runs when, and what must have passed before anybody sees it.

Belongs here: the refresh, Dagster's definitions and how Dagster is started. Business meaning is
in `dbt_project`, storage in `lake`, reading files in `ingestion`.
"""
