"""Write the lock from the environment this runs in: exact versions of what the extras of pyproject.toml need, and nothing else."""

import sys
import tomllib
from collections.abc import Iterable, Set
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

HERE = Path(__file__).parent
ELSEWHERE = frozenset({"fbgemm-gpu"})
"""Asked for by metadata and not wanted: torchrec names the CUDA build; fbgemm-gpu-cpu stands for it, cuda.txt swaps it."""
NOT_SERVED = frozenset({"huggingface-hub"})
"""Asked for by tokenizers, to fetch by name; serving reads a file, and does without it and all that it brings."""
BUILD = ("setuptools",)
"""Needed by `pip install -e .` without a build environment of its own."""


def closure(requirements: Iterable[str], *, without: Set[str] = frozenset()) -> dict[str, str]:
    """Name -> version of everything that requirements lead to here, markers evaluated; `without` these and what they alone lead to.

    Raises:
        SystemExit: A requirement is not installed, or not in the version asked for.
    """
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(Requirement(line), "pyproject.toml") for line in requirements]
    while waiting:
        requirement, wanted_by = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if name in ELSEWHERE | without or key in seen:
            continue
        seen.add(key)
        try:
            package = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(
                f"{wanted_by} needs {requirement}, which is not installed: pip install '{requirement}', then `make lock`"
            ) from None
        if wanted_by == "pyproject.toml" and not requirement.specifier.contains(package.version, prereleases=True):
            raise SystemExit(f"{wanted_by} needs {requirement}; found {package.version}: change one of them, then `make lock`")
        found[name] = Version(package.version).public  # "+cpu" is one machine's build of the same version
        for line in package.requires or []:
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)):
                waiting.append((inner, name))
    return found


def write(path: Path, versions: dict[str, str], about: str) -> None:
    """One `name==version` a line, sorted."""
    lines = [f"{name}=={version}" for name, version in sorted(versions.items())]
    path.write_text(f"# {about}\n# Written by `make lock`; do not edit.\n" + "\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path.name}: {len(lines)} packages\n")


def main() -> None:
    """Write lock.txt and serve.txt beside this file."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base, extras = project["dependencies"], project["optional-dependencies"]
    everything = closure([*base, *BUILD, *(line for lines in extras.values() for line in lines)])
    write(
        HERE / "lock.txt",
        everything,
        "Everything: serve, train, scale and dev. Installed with --no-deps, torch first and alone (see the Makefile).",
    )
    write(
        HERE / "serve.txt",
        closure([*base, *BUILD, *extras["serve"]], without=NOT_SERVED),
        "What the API needs and nothing else: no torch. Same versions as lock.txt.",
    )


if __name__ == "__main__":
    main()
