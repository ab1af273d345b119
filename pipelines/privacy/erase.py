"""`vitrine erase`: a tombstone first, then the user out of everything in the workspace, then a second look at all of it."""

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from feature_store.landing import content_of
from feature_store.layout import Workspace
from feature_store.manifest import write_text_atomically
from feature_store.online.opening import open_store
from feature_store.served_log import ServedLog
from feature_store.tombstones import Tombstones
from pipelines.config import Config
from pipelines.landing import list_source
from pipelines.lock import alone
from pipelines.privacy.admission import names_in_log
from pipelines.privacy.erase_landing import LandingTrace, trace_in
from pipelines.privacy.erase_redis import files_of_redis_anew, rows_out_of_redis
from pipelines.privacy.erase_tables import MADE_AGAIN, NOTHING, erase_from_table
from pipelines.privacy.longer_ids import longer_ids
from pipelines.privacy.sought import Sought
from pipelines.progress import Progress

Act = Callable[[], str]
"""Takes the user out of an artefact and says what was done."""


@dataclass(frozen=True)
class Checked:
    """One artefact of the workspace."""

    artefact: str
    files: int
    """Looked into a second time when all was done; values, of a Redis."""
    done: str
    holding: tuple[str, ...]
    """Files that still hold the user, relative to the workspace; of a Redis, kinds of keys, and why its files could not be written anew."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What an erasure found and did; it does not say whose."""

    at: str
    tombstone: str
    bytes_searched: bool
    """False: the id is so short that only columns which name users, and texts for the whole word, could be searched."""
    checked: Sequence[Checked]
    landing: Sequence[LandingTrace]
    """Files of the shop that held the user."""

    @property
    def clean(self) -> bool:
        """Whether nothing of ours holds the user any more."""
        return not any(entry.holding for entry in self.checked)

    @property
    def known(self) -> bool:
        """Whether the user was found anywhere."""
        return bool(self.landing) or any(entry.done != NOTHING or entry.holding for entry in self.checked)


def erase_user(config: Config, user_id: str, *, rewrite_landing: bool = False, progress: Progress) -> Receipt:
    """Forget a user: every file of the workspace is searched, changed where it holds the user, and searched again.

    Killed on the way, it is run again: the tombstone stands first, so nothing comes back meanwhile. Log and what is made of it lose their
    fingerprints, so the next night makes them anew and trains without the user; until then models that were trained before are served.

    Args:
        config: The shop's.
        user_id: The shop's own id, or the pseudonym.
        rewrite_landing: Whether to take the user out of landing files too, where that is safe.
        progress: A bar over the artefacts.

    Raises:
        BusyError: A night, a judgement on the test window, an ablation or a search for settings is at work here.
        UserKeyError: Users go by pseudonyms, and there is no key to find this one's, or another one than the log was written with.
        ValueError: The id is empty.
        OnlineStoreError: The online store cannot be reached, or its file is being read without end; run it again.
    """
    workspace = config.open_workspace()
    if not user_id.strip():
        raise ValueError("the id of a user to erase is empty; name one")
    names = tuple(dict.fromkeys((user_id, names_in_log(config).of(user_id))))
    with (
        alone(workspace.root / "night.lock", work="night"),
        alone(workspace.root / "ablation.lock", work="ablation"),
        alone(workspace.tuning / "tune.lock", work="search"),
    ):
        tombstones = Tombstones.read(workspace.tombstones).with_users(names)
        tombstones.write(workspace.tombstones)
        sought = Sought(names, longer_ids(workspace, Sought(names)))
        removed = rows_out_of_redis(config, sought, tombstones) if config.online_store.elsewhere else 0
        folders = (*config.sources.events, *config.sources.users)
        files = progress.track(list_source(folders, workspace), what="searching landing files")
        landing: list[LandingTrace] = []
        rewritten: dict[str, str] = {}
        for file in files:
            trace = trace_in(file, sought, rewrite=rewrite_landing)
            landing += [trace] if trace else []
            if trace and not trace.left:
                rewritten[trace.digest] = content_of(file.path)
        checked: list[Checked] = []
        acts = _acts(config, sought, tombstones, rewritten)
        for artefact, (folder, act) in progress.track(acts.items(), what="erasing", total=len(acts)):
            done = act()
            left = list(_files(folder))
            holding = tuple(path.relative_to(workspace.root).as_posix() for path in left if sought.in_file(path))
            checked.append(Checked(artefact, len(left), done, holding))
        if config.online_store.elsewhere:  # last, and no reason to lose the receipt of the rest
            looked, holding = files_of_redis_anew(config, sought)
            checked.append(Checked("online store in Redis", looked, f"{removed:,} rows removed" if removed else NOTHING, holding))
        now = datetime.now(UTC)
        receipt = Receipt(
            at=now.isoformat(timespec="seconds"),
            tombstone=tombstones.digest(user_id),
            bytes_searched=bool(sought.telling),
            checked=checked,
            landing=landing,
        )
        workspace.receipts.mkdir(parents=True, exist_ok=True)
        path = workspace.receipts / f"{now:%Y%m%dT%H%M%S}-{receipt.tombstone}.json"
        write_text_atomically(path, json.dumps(sought.hide(asdict(receipt)), indent=1) + "\n")
    return receipt


def _acts(config: Config, sought: Sought, tombstones: Tombstones, rewritten: Mapping[str, str]) -> Mapping[str, tuple[Path, Act]]:
    """Artefact -> where it lies and what to do there; together they are the workspace but for what sources have left and fetched photos."""
    workspace = config.open_workspace()
    root, online = workspace.root, workspace.online_store.parent
    acts: dict[str, tuple[Path, Act]] = {}
    for folder in sorted((root / "tables").glob("*/")):
        acts[f"table {folder.name}"] = folder, partial(_from_table, workspace, folder, sought, rewritten)
    acts["online store"] = online, partial(_from_store, workspace, sought, tombstones)
    acts["sampled answers"] = workspace.served, partial(_from_samples, workspace, sought)
    acts["scratch"] = root / "scratch", partial(_remove, root / "scratch")
    acts["reports"] = workspace.reports, partial(_remove_holding, workspace.reports, sought)
    known = {"tables", workspace.fetched_images.name, *_sources(config), *(folder.name for folder, _ in acts.values())}
    for path in sorted(root.iterdir()):
        if path.name not in known:
            acts[path.name] = path, lambda: NOTHING
    return acts


def _sources(config: Config) -> set[str]:
    """What lies in the workspace and belongs to the shop."""
    sources, root = config.sources, config.open_workspace().root
    named = [*sources.events, *sources.users, *sources.catalogue, sources.images, config.knowledge.file, config.knowledge.links]
    named += [given.file for given in sources.modalities.values()]
    below = [path.relative_to(root) for name in named if name and (path := config.resolve(name)).is_relative_to(root)]
    return {path.parts[0] for path in below if path.parts}


def _from_table(workspace: Workspace, folder: Path, sought: Sought, rewritten: Mapping[str, str]) -> str:
    if workspace.exists(folder.name):
        return erase_from_table(workspace, folder.name, sought, changed=rewritten)
    shutil.rmtree(folder)  # what a killed night left of its first build
    return MADE_AGAIN


def _from_store(workspace: Workspace, sought: Sought, tombstones: Tombstones) -> str:
    if not workspace.online_store.is_file():
        return NOTHING
    with contextlib.closing(open_store(workspace.online_store)) as store:
        store.set_tombstones(tombstones)
        removed = store.erase(sought.names)
    return f"{removed:,} rows removed, file written anew" if removed else NOTHING


def _from_samples(workspace: Workspace, sought: Sought) -> str:
    """Behind the online store, whose tombstones keep the user out of new samples."""
    removed = ServedLog(workspace.served).remove(lambda line, sample: sample.user_id in sought.names or sought.in_text(line.decode()))
    return f"{removed:,} answers removed" if removed else NOTHING


def _remove(folder: Path) -> str:
    """Unfinished work goes whole: it was begun with the log as it was, so nobody goes on with it."""
    files = len(list(_files(folder)))
    shutil.rmtree(folder, ignore_errors=True)
    return f"{files:,} files removed" if files else NOTHING


def _remove_holding(folder: Path, sought: Sought) -> str:
    holding = [path for path in _files(folder) if sought.in_file(path)]
    for path in holding:
        path.unlink()
    return f"{len(holding):,} files removed" if holding else NOTHING


def _files(path: Path) -> Iterator[Path]:
    """Every file below a folder, or the file itself."""
    yield from sorted(found for found in ([path] if path.is_file() else path.rglob("*")) if found.is_file())
