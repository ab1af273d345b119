"""What a search found, as `tuned.toml` beside the tables: written by `vitrine tune`, used by nights until the config changes.

A key that `--set` names is as `--set` says; else as tuned.toml says, if [tune] use is on and [retriever] of the config is as it was when
the search ran; else as the config says.
"""

import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.markup import escape

from pipelines.config import Config, ConfigError, load_config, parse_config
from pipelines.progress import Progress
from recsys.training.config import RetrieverConfig

ANY = ("threads", "sharding")
"""Settings that say nothing about what is learned."""


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """Settings that are better than the config's own."""

    own: RetrieverConfig
    """The config's own settings when the search ran."""
    changes: Mapping[str, Any]
    """Better values, by name."""

    def check(self, settings: RetrieverConfig, *, given: Collection[str] = ()) -> None:
        """Whether the search started from these settings; what is `given` may be anything.

        Raises:
            ConfigError: It did not; says what differs.
        """
        before, now = asdict(self.own), asdict(settings)
        changed = [f"{name} is {now[name]}, was {before[name]}" for name in now if now[name] != before[name] and name not in (*ANY, *given)]
        if changed:
            raise ConfigError(f"[retriever] has changed since the search: {', '.join(changed)}")


def load_night_config(path: Path, overrides: Mapping[str, Any] | None = None, *, progress: Progress) -> Config:
    """The config as the night uses it: with tuned settings where there are some that fit; says so in one line.

    Args:
        path: The TOML file.
        overrides: `section.key` -> value; see `load_config`.
        progress: For the line.

    Raises:
        ConfigError: See `load_config`.
    """
    config = load_config(path, overrides)
    given = [key.removeprefix("retriever.") for key in overrides or {} if key.startswith("retriever.")]
    file = config.open_workspace().tuned
    if not config.tune.use or not file.is_file():
        return config
    try:
        tuned = read_tuned(file)
        tuned.check(config.retriever, given=given)
    except ConfigError as error:
        progress.say(f"[yellow]{file.name} is not used:[/yellow] {escape(str(error))}. Run `vitrine tune` again, or with --forget.")
        return config
    used = {name: value for name, value in tuned.changes.items() if name not in given}
    progress.say(f"retriever settings from {file.name}: {listed(used)}")
    return replace(config, retriever=replace(config.retriever, **used))


def read_tuned(path: Path) -> Tuned:
    """Read what `write_tuned` wrote.

    Raises:
        ConfigError: It is not TOML, or of another version of the code.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    changes, own = values.get("retriever", {}), values.get("own", {})
    tuned = parse_config({"retriever": own | changes}, source=str(path)).retriever
    return Tuned(own=parse_config({"retriever": own}, source=str(path)).retriever, changes={name: getattr(tuned, name) for name in changes})


def write_tuned(path: Path, tuned: Tuned, about: Sequence[str]) -> None:
    """Replace the file, whole.

    Args:
        path: Where to.
        tuned: What to write.
        about: Lines of the comment on top.
    """
    own = {name: value for name, value in asdict(tuned.own).items() if name not in ANY}
    lines = [*(f"# {line}" for line in about), "[retriever]", *_toml(tuned.changes), ""]
    lines += [
        "# The config's own settings when the search ran. Once [retriever] of the config says otherwise, this file is not used.",
        "[own]",
    ]
    partial = path.with_suffix(".partial")
    partial.write_text("\n".join([*lines, *_toml(own)]) + "\n", encoding="utf-8")
    partial.replace(path)


def listed(changes: Mapping[str, Any]) -> str:
    """Settings in one line, for a person."""
    return ", ".join(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in changes.items())


def _toml(values: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in values.items()]  # of such values JSON is TOML
