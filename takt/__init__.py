"""The vocabulary every process shares: names, schemas, messages, contracts, settings.

Belongs here: what two folders must agree on, and the `takt` command that starts them.
Input and output do not: storage is in `lake`, protocols in `edge` and `ingestion`.
"""
