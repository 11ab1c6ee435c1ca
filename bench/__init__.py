"""Every figure that the documentation quotes has its script here.

A benchmark is a module with a docstring and `run(seconds: float) -> dict[str, float]`;
the keys of what it returns end in their unit.
"""
