"""Dagster's definitions, one module per concern.

Belongs here: assets, checks, jobs, schedules, sensors. Modules with functions that return
`Definitions` hold nothing else: Dagster loads such a module only through them.
"""
