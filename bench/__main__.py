"""`python -m bench` lists the benchmarks; `python -m bench NAME` runs one."""

import argparse
import importlib
import json
import pkgutil
import platform
from pathlib import Path
from types import ModuleType

import bench


def benchmarks() -> dict[str, ModuleType]:
    """Every module of this package that can be run, by name."""
    names = [found.name for found in pkgutil.iter_modules(bench.__path__)]
    modules = {name: importlib.import_module(f"bench.{name}") for name in names if name[0] != "_"}
    return {name: module for name, module in modules.items() if hasattr(module, "run")}


def machine() -> str:
    """What the figures were measured on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{cpu}, Python {platform.python_version()}, {platform.system()} {platform.release()}"


def main() -> None:
    """Parse the command line, run, print figures (with `--format json`: one last line)."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="?", help="which benchmark; without: list them")
    parser.add_argument("--seconds", type=float, default=None, help="how long to measure")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    arguments = parser.parse_args()
    found = benchmarks()
    if arguments.name is None:
        for name, module in found.items():
            print(f"{name:<10} {(module.__doc__ or '').strip().splitlines()[0]}")
        return
    if arguments.name not in found:
        parser.error(f"no benchmark {arguments.name}; known are {', '.join(found)}")
    module = found[arguments.name]
    seconds = arguments.seconds or getattr(module, "DEFAULT_SECONDS", 10.0)
    print(f"{arguments.name} on {machine()}", flush=True)
    figures = module.run(seconds)
    for name, value in figures.items():
        print(f"  {name:<32} {value:,.3f}")
    if arguments.format == "json":
        print(json.dumps({"benchmark": arguments.name, "machine": machine(), **figures}))


if __name__ == "__main__":
    main()
