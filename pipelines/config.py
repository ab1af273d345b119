"""The night's configuration: TOML in, frozen dataclasses out; a bad or unknown key fails at once, by name."""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import NonNegativeFloat, PositiveInt, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from feature_store.errors import OnlineStoreError
from feature_store.layout import Workspace
from feature_store.online.address import redis_address
from pipelines.fetching.config import FetchImagesConfig
from pipelines.importers.config import MappingConfig
from pipelines.modality_names import check_modality_name
from pipelines.privacy.config import PrivacyConfig
from pipelines.quality.config import ProfileConfig
from pipelines.tuning.config import TuneConfig
from recsys.bounds import PartialShare
from recsys.data.relevance import Relevance
from recsys.encoders.config import WHERE, EmbedConfig
from recsys.evaluation.config import EvaluationConfig, GateConfig
from recsys.retrieval.config import IndexConfig
from recsys.training.config import CONTENT, RankerConfig, RetrieverConfig
from recsys.training.fine_tuning.config import FineTuneConfig
from recsys.training.labelling.config import LabelsConfig
from recsys.training.sentiment.config import ReviewsConfig

ChooseBy = Literal["auto", "window", "last_choices"]


class ConfigError(Exception):
    """The configuration cannot be used; says where, what was found and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class GivenModality:
    """Vectors of items that somebody else has computed: of sound, video, sensors, a knowledge graph."""

    file: str
    """A Parquet or JSON-lines file, or a folder of them: a row per item with `item_id`, `vector` (numbers) and, where wanted, `version`
    (what encoded it). Relative to the workspace unless absolute."""
    dim: int = 0
    """Numbers of every vector; 0: as many as most have."""

    def __post_init__(self) -> None:
        if self.dim < 0:
            raise ValueError(f"dim is {self.dim}; it is at least 1, or 0 for as many numbers as most vectors have")


@dataclass(frozen=True, kw_only=True)
class SourcesConfig:
    """Landing folders, relative to the workspace unless absolute."""

    events: tuple[str, ...] = ("landing/events",)
    catalogue: tuple[str, ...] = ("landing/catalogue",)
    users: tuple[str, ...] = ("landing/users",)
    """Read only where [users] names attributes."""
    images: str = "landing/images"
    """Root of all image_uri paths; nothing outside it is ever read. Photos at http(s) URLs are fetched: [fetch_images]."""
    partition: Literal["month", "day"] = "month"
    """Events lie by `month` or by `day`."""
    time_unit: Literal["", "s", "ms", "us"] = ""
    """What numbers in the time columns of landing files count since 1970 UTC; empty: rows with numeric times are refused."""
    naive_times: Literal["refuse", "utc"] = "refuse"
    """Times without a zone in landing files: refused, or taken as UTC."""
    clock_skew_s: NonNegativeFloat = 600.0
    """Events whose time lies further than this ahead of this machine's clock, or of their own known_at, are refused; so is what is said of
    users."""
    ingest_memory_mib: int = 1024
    """Taking in events uses at most about this much memory beside what the process holds already, however many come at once; not less
    than 512."""
    modalities: Mapping[str, GivenModality] = field(default_factory=dict)
    """Own modalities by name, small letters, digits and underscores: `[sources.modalities.audio]`. They take part in the retriever unless
    `[retriever] modalities` says otherwise, and in all else that reads content."""

    def __post_init__(self) -> None:
        if self.ingest_memory_mib < 512:
            raise ValueError(f"ingest_memory_mib is {self.ingest_memory_mib}; it is at least 512")
        for name in self.modalities:
            check_modality_name(name)


@dataclass(frozen=True, kw_only=True)
class FeaturesConfig:
    """How user features, item features, examples and the snapshot are made of the event log."""

    memory_mib: int = field(default=1024, metadata=WHERE)
    """Working on users or items takes at most about this much beside what the process holds already; those that do not fit wait on disk.
    Of workers, each takes so much."""
    engine: Literal["local", "daft"] = field(default="local", metadata=WHERE)
    """What makes them of a log that does not fit: `local`, this process; `daft`, workers (extra `scale`; docs/operations.md)."""
    ray_address: str = field(default="", metadata=WHERE)
    """Where Daft's workers run. Empty: processes of this machine; `local`: a Ray of the night; `auto` or host:port: that cluster."""
    workers: int = field(default=2, metadata=WHERE)
    """Of Daft, at most."""

    def __post_init__(self) -> None:
        if self.memory_mib < 1:
            raise ValueError(f"memory_mib is {self.memory_mib}; it is at least 1")
        if self.workers < 1:
            raise ValueError(f"workers is {self.workers}; it is at least 1")


@dataclass(frozen=True, kw_only=True)
class KnowledgeConfig:
    """Entities that items are related to, e.g. the region of a wine: the retriever's modality `knowledge`."""

    from_attributes: tuple[str, ...] = ()
    """Attributes of the catalogue whose values are entities, each a relation of its own."""
    separator: str = ","
    """Parts several entities in the value of an attribute; empty: a value is one entity."""
    file: str = ""
    """A landing file, or a folder of them, with columns `item_id`, `relation` and `entity`, relative to the workspace unless absolute."""
    links: str = ""
    """The same with columns `entity`, `relation` and `other`: items get the others too, two hops away, under `first/second` relation."""
    min_items: PositiveInt = 2
    """An entity that fewer items have by a relation is left out."""

    @property
    def asked(self) -> bool:
        """Whether there is any knowledge to gather."""
        return bool(self.from_attributes or self.file)


@dataclass(frozen=True, kw_only=True)
class UsersConfig:
    """What the shop knows of its users beside events."""

    attributes: tuple[str, ...] = ()
    """Attributes that are taken in from [sources] users and read by the retriever; all others are left where they lie. A value is a text,
    and only equal texts are alike: numbers come in bands (`30-39`)."""

    def __post_init__(self) -> None:
        if len(set(self.attributes)) < len(self.attributes) or "" in self.attributes:
            raise ValueError(f"attributes is {list(self.attributes)}; each has a name, and is named once")


@dataclass(frozen=True, kw_only=True)
class CutsConfig:
    """Moments that part learning from judging; a quantile of the relevant events where no moment is given."""

    ranker: datetime | None = None
    validation: datetime | None = None
    test: datetime | None = None
    ranker_quantile: PartialShare = 0.7
    validation_quantile: PartialShare = 0.8
    test_quantile: PartialShare = 0.9
    choose_by: ChooseBy = "auto"
    """What validation chooses by. `window`: what users chose between the cuts, which is what a shop is asked for in the days to come;
    `last_choices`: the last item of every user, whenever that was, which is what leave-last-out asks for, and no question of a window, so
    that the ranker, which learns from one, leaves the order to the retriever; `auto`: the window, but epochs by
    last choices where fewer than 300 users came back in it, and all by them where nobody there chose anything new."""


@dataclass(frozen=True, kw_only=True)
class ReleaseConfig:
    """What is published."""

    refit: bool = True
    """Train the released model anew on everything up to the date, for as many epochs as validation chose."""
    keep: PositiveInt = 5
    """Releases that stay on disk, champion and previous champion always among them."""
    query_encoders: bool = True
    """Publish the encoders as graphs, so that serving can search by text or photo. A new encoder costs half a minute once; the graphs are
    as large as its weights in fp32 (91 MB for MiniLM), and releases of one encoder share them on disk."""


@dataclass(frozen=True, kw_only=True)
class OnlineStoreConfig:
    """Where the API reads users and keeps what comes between nights."""

    place: str = "sqlite"
    """`sqlite`: a file in the workspace, for processes of one machine; or a Redis, `redis://HOST:PORT/DATABASE`, for as many as there are.
    Its password comes from VITRINE_REDIS_PASSWORD, never from here."""
    posted_days: int = 0
    """Events posted to the API are neither taken in nor shown once they happened so many days ago, and removed; 0: their number alone is
    bounded."""

    def __post_init__(self) -> None:
        if self.posted_days < 0:
            raise ValueError(f"posted_days is {self.posted_days}; it is a number of days, or 0 for no limit of age")
        if self.elsewhere:
            try:
                redis_address(self.place)
            except OnlineStoreError as error:
                raise ValueError(f"place: {error}, or sqlite for a file in the workspace") from error

    @property
    def elsewhere(self) -> bool:
        """Whether it is not in the workspace."""
        return self.place != "sqlite"


@dataclass(frozen=True, kw_only=True)
class TrackingConfig:
    """Where the experiment tracker writes."""

    enabled: bool = True
    uri: str = ""
    """Any MLflow tracking URI; empty: a sqlite database in the workspace."""
    experiment: str = "vitrine"


@dataclass(frozen=True, kw_only=True)
class Config:
    """One shop, one night."""

    workspace: str = "workspace"
    """Folder of everything the night makes, relative to where the command runs."""
    sources: SourcesConfig = field(default_factory=SourcesConfig)
    mapping: MappingConfig = field(default_factory=MappingConfig)
    """How `vitrine import SOURCE` reads a source's own columns."""
    users: UsersConfig = field(default_factory=UsersConfig)
    labels: LabelsConfig = field(default_factory=LabelsConfig)
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    profile: ProfileConfig = field(default_factory=ProfileConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    knowledge: KnowledgeConfig = field(default_factory=KnowledgeConfig)
    relevance: Relevance = field(default_factory=Relevance)
    cuts: CutsConfig = field(default_factory=CutsConfig)
    fetch_images: FetchImagesConfig = field(default_factory=FetchImagesConfig)
    embed: EmbedConfig = field(default_factory=EmbedConfig)
    fine_tune: FineTuneConfig = field(default_factory=FineTuneConfig)
    reviews: ReviewsConfig = field(default_factory=ReviewsConfig)
    retriever: RetrieverConfig = field(default_factory=RetrieverConfig)
    tune: TuneConfig = field(default_factory=TuneConfig)
    index: IndexConfig = field(default_factory=IndexConfig)
    ranker: RankerConfig = field(default_factory=RankerConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    gates: GateConfig = field(default_factory=GateConfig)
    release: ReleaseConfig = field(default_factory=ReleaseConfig)
    online_store: OnlineStoreConfig = field(default_factory=OnlineStoreConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)

    def __post_init__(self) -> None:
        if self.embed.joint_model and self.fine_tune.asked:
            raise ValueError("a joint model ([embed] joint_model) is not fine-tuned; leave [fine_tune] as it is or name two encoders")
        if self.embed.engine == self.features.engine == "daft" and self.embed.ray_address != self.features.ray_address:
            raise ValueError(
                f"[embed] ray_address is {self.embed.ray_address!r} and that of [features] {self.features.ray_address!r}; Daft knows one "
                "place per night, so name the same in both"
            )
        if self.labels.zero_shot and not self.embed.joint_model:
            raise ValueError("[labels.zero_shot] holds photos against words: set [embed] joint_model to a model that reads both")

    def open_workspace(self) -> Workspace:
        """The workspace this config names."""
        return Workspace(Path(self.workspace).resolve())

    def resolve(self, folder: str) -> Path:
        """A path of the config: absolute, or below the workspace."""
        return self.open_workspace().root / folder


def load_config(path: Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read a TOML file.

    Args:
        path: The file.
        overrides: `section.key` -> value, e.g. from the command line; they win over the file.

    Raises:
        ConfigError: The file is missing or not TOML, or a key is unknown or holds a value that cannot be used.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the config {path}: {error.strerror}. Pass --config FILE; configs/ holds examples.") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    for dotted, value in (overrides or {}).items():
        section = values
        *parents, key = dotted.split(".")
        for parent in parents:
            section = section.setdefault(parent, {})
            if not isinstance(section, dict):
                raise ConfigError(f"cannot set {dotted}: {parent} is a value, not a section")
        section[key] = value
    return parse_config(values, source=str(path))


def parse_override(entry: str) -> tuple[str, Any]:
    """One `section.key=value` of a command line, the value in TOML; a bare word is text.

    Raises:
        ConfigError: There is no value.
    """
    key, equals, value = entry.partition("=")
    if not equals:
        raise ConfigError(f"--set {entry!r} has no value; write section.key=value")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value


def parse_config(values: Mapping[str, Any], *, source: str = "config") -> Config:
    """Build a config from plain values; see `load_config`."""
    _refuse_unknown(values, Config, source)
    try:
        config = _reader().validate_python(values)
    except ValidationError as error:
        raise ConfigError(f"{source}: " + "; ".join(map(_told, error.errors()))) from None  # its own text holds all that was found
    named = values.get("retriever", {})
    config = _with_modalities(config, named="modalities" in named, source=source)
    return _with_attributes(config, named="user_attributes" in named, source=source)


@cache
def _reader() -> TypeAdapter[Config]:
    """Built once: it takes longer than reading a hundred configs."""
    return TypeAdapter(Config)


def _told(detail: ErrorDetails) -> str:
    """One line; what is wrong with a section as a whole says itself what was found, and the rest of it may be nobody's business."""
    line = f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
    return line if isinstance(detail["input"], Mapping) else f"{line}, found {detail['input']!r}"


def _with_modalities(config: Config, *, named: bool, source: str) -> Config:
    """All there are, own ones and knowledge among them, take part in a retriever that names none; what it names must exist."""
    content = [name for name in CONTENT if name != "description" or config.embed.description_fields]
    there = (*content, *config.sources.modalities, *(("knowledge",) if config.knowledge.asked else ()))
    if not named:
        return replace(config, retriever=replace(config.retriever, modalities=there))
    unknown = [name for name in config.retriever.modalities if name not in there]
    if unknown:
        raise ConfigError(f"{source} [retriever] modalities: there is no modality {unknown[0]!r}; there are {', '.join(there)}")
    return config


def _with_attributes(config: Config, *, named: bool, source: str) -> Config:
    """What is taken in of users takes part in a retriever that names nothing; what it names must be taken in."""
    there = config.users.attributes
    if not named:
        return replace(config, retriever=replace(config.retriever, user_attributes=there))
    unknown = [name for name in config.retriever.user_attributes if name not in there]
    if unknown:
        known = ", ".join(there) or "none"
        raise ConfigError(f"{source} [retriever] user_attributes: {unknown[0]!r} is not taken in; [users] attributes names {known}")
    return config


def _refuse_unknown(values: Mapping[str, Any], kind: type, where: str) -> None:
    known = {entry.name: entry for entry in dataclasses.fields(kind)}
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise ConfigError(f"{where}: unknown key {key!r}; {hint}")
        inner = known[key].type
        if isinstance(value, Mapping) and isinstance(inner, type) and dataclasses.is_dataclass(inner):
            _refuse_unknown(value, inner, f"{where} [{key}]")
        entry = get_args(inner)[1] if get_origin(inner) is Mapping else None
        if isinstance(value, Mapping) and isinstance(entry, type) and dataclasses.is_dataclass(entry):
            for name, part in value.items():
                if isinstance(part, Mapping):
                    _refuse_unknown(part, entry, f"{where} [{key}.{name}]")
