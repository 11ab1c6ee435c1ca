"""dbt on a project that is parsed already: `python -m pipelines.dbt_process PARSED ARGUMENTS…`.

dbt's own command parses the whole project again whenever a var differs, and each refresh pins
another snapshot; that is a sixth of a refresh with nothing new.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest


def main(parsed: Path, arguments: Sequence[str]) -> int:
    """Run a dbt command on the parsed project in file `parsed`; the exit code."""
    manifest = Manifest.from_msgpack(parsed.read_bytes())
    manifest.build_flat_graph()
    return 0 if dbtRunner(manifest=manifest).invoke(list(arguments)).success else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
