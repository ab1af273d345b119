"""Train the ranker on what a retriever that had not seen its window would have offered there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.features.item_rates import with_rates
from feature_store.point_in_time import without_superseded
from feature_store.schema import EXAMPLES, ITEM_FEATURES
from pipelines.inputs import load_interactions, load_items, resolve_cuts
from pipelines.stage import Stage, StageContext
from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.ranking_features import feature_names
from recsys.data.ranking_items import build_ranking_items, save_ranking_items
from recsys.data.ranking_lists import RankingLists, fill_features, request_histories
from recsys.evaluation.top_k import top_k
from recsys.models.ranker import RELEASED, save_ranker
from recsys.models.scorer import Scorer
from recsys.training.config import RankerConfig

TASKS = {"click": "clicked", "cart": "carted", "purchase": "purchased", "liked": "liked"}
"""Task -> column of the examples."""
VALIDATION = "validation"
"""Folder inside the table `ranker` with the ranking items as of the validation cut."""
REQUESTS_AT_ONCE = 512


def build_lists(
    examples: pl.DataFrame,
    interactions: Interactions,
    items: Items,
    item_features: pl.DataFrame,
    scorer: Scorer,
    config: RankerConfig,
    *,
    tasks: tuple[str, ...],
    history_length: int,
) -> RankingLists:
    """Candidates of every request, with features as of its moment and labels of what followed.

    Args:
        examples: Rows of the table `examples`.
        interactions: Behaviour up to the end of the ranker's window; each request sees what lies before its moment.
        items: The catalogue.
        item_features: Rows of the table `item_features`, but those superseded before the window, told `with_rates`.
        scorer: A retriever trained before the window.
        config: How many requests and candidates.
        tasks: Keys of `TASKS`.
        history_length: Newest items of a user that features read.
    """
    requests = sample_requests(examples, most=config.max_requests)
    acted = examples.filter(pl.any_horizontal(TASKS[task] for task in tasks))
    codes = dict(zip(requests["request_id"], range(requests.height), strict=True))
    acted = acted.filter(pl.col("request_id").is_in(requests["request_id"].implode()))
    place = np.array([codes[request] for request in acted["request_id"]], np.int64)
    pair = place * len(items) + items.vocabulary.index(acted["item_id"])
    outcome = acted.select(TASKS[task] for task in tasks).to_numpy().reshape(-1, len(tasks))
    parts = []
    for rows, day in _by_day(requests["predicted_at"]):
        described = build_ranking_items(items, item_features, moment=day + timedelta(microseconds=1), further=config.further)
        available = items.available(day)
        for start in range(0, len(rows), REQUESTS_AT_ONCE):
            some = rows[start : start + REQUESTS_AT_ONCE]
            moments = requests["predicted_at"].dt.epoch("us").to_numpy()[some]
            past = request_histories(interactions, requests["user_id"].to_numpy()[some].astype(object), moments)
            mine = np.where(np.diff(past.offsets) > 0, np.arange(len(some)), -1)
            lists, scores = top_k(scorer, past, mine, candidates=available, k=config.candidates, exclude_seen=True)
            features = fill_features(past.distinct(), mine, moments, lists, scores, described, history_length=history_length)
            labels, wanted = _label(lists, some, past, pair, outcome, len(items))
            user = requests["user_code"].to_numpy()[some].astype(np.int64)
            parts.append(RankingLists(features, lists, scores, labels, wanted, user))
    names = RankingLists.__dataclass_fields__
    return RankingLists(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def sample_requests(examples: pl.DataFrame, *, most: int) -> pl.DataFrame:
    """request_id, user_id, predicted_at and a number for the user; at most so many, the same for the same table, sorted by request_id."""
    requests = examples.select("request_id", "user_id", "predicted_at").unique("request_id").sort("request_id")
    if requests.height > most:
        chosen = np.sort(np.random.default_rng(0).choice(requests.height, most, replace=False))
        requests = requests[chosen]
    return requests.with_columns(pl.col("user_id").rank("dense").cast(pl.Int64).alias("user_code"))


def _by_day(predicted_at: pl.Series) -> Iterator[tuple[npt.NDArray[np.int64], datetime]]:
    """Requests by the last start of a day strictly before them: those of one day know the same of items."""
    micros = predicted_at.dt.epoch("us").to_numpy() - 1
    day = micros - micros % 86_400_000_000
    for start in np.unique(day):
        yield np.flatnonzero(day == start), datetime.fromtimestamp(int(start) / 1e6, UTC)


def _label(
    lists: npt.NDArray[np.int64],
    requests: npt.NDArray[np.int64],
    past: Interactions,
    pair: npt.NDArray[np.int64],
    outcome: npt.NDArray[np.bool_],
    num_items: int,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Labels (requests, candidates, tasks), and how many items new to the user each request led to."""
    order = np.argsort(pair)
    ordered = pair[order]
    asked = requests[:, None] * num_items + lists
    found = np.minimum(np.searchsorted(ordered, asked), max(len(ordered) - 1, 0))
    labels = np.zeros((*lists.shape, outcome.shape[1]), bool)
    if len(ordered):
        hit = (ordered[found] == asked) & (lists >= 0)
        labels[hit] = outcome[order[found[hit]]]
    request, item = np.divmod(pair, num_items)
    row = np.full(int(max(requests.max(initial=-1), request.max(initial=-1))) + 1, -1)
    row[requests] = np.arange(len(requests))
    mine = row[request] >= 0
    seen_row, seen_item = past.seen().nonzero()
    new = ~np.isin(row[request[mine]] * num_items + item[mine], seen_row.astype(np.int64) * num_items + seen_item)
    return labels, np.bincount(row[request[mine]][new], minlength=len(requests))


def run(context: StageContext) -> None:
    """Write the table `ranker`: the model, and the items it reads as of validation and of the date."""
    from recsys.models.retriever import load_retriever  # torch starts only where it is needed
    from recsys.training.ranker import BLENDS, train_ranker

    config = context.config.ranker
    items = load_items(context.read("catalogue"), context.read("item_embeddings"))
    events = context.read("events")
    cuts = resolve_cuts(context.config, events, date=context.date)
    examples = context.read("examples").scan(EXAMPLES).collect()
    standing = without_superseded(context.read("item_features").scan_files(ITEM_FEATURES), key="item_id", moment=cuts.ranker)
    features = with_rates(standing, since=cuts.ranker)
    retriever = load_retriever(context.read("retriever").folder / "ranker")
    tasks = tasks_of(examples)
    lists = build_lists(
        examples,
        load_interactions(events, items, context.config.relevance, before=cuts.validation, users=context.read("users")),
        items,
        features,
        retriever.scorer(),
        config,
        tasks=tasks,
        history_length=retriever.shape.history_length,
    )
    described = build_ranking_items(items, features, moment=context.date, further=config.further)
    worth = dict(zip(TASKS, (*config.task_weights, 1.0), strict=True))
    saved = train_ranker(
        lists,
        config,
        feature_names=feature_names(described.modalities, tuple(described.further)),
        tasks=tasks,
        task_weights=[worth[task] for task in tasks],
        history_length=retriever.shape.history_length,
        scratch=context.scratch,
        track=context.progress.track,
        blends=(1.0,) if context.config.cuts.choose_by == "last_choices" else BLENDS,  # requests of the window ask something else
    )
    with context.workspace.write(context.stage.writes) as writer:
        save_ranker(writer.folder, saved)
        save_ranking_items(writer.folder / RELEASED, described)
        judged = build_ranking_items(items, features, moment=cuts.validation, further=config.further)
        save_ranking_items(writer.folder / VALIDATION, judged)
        told = {name: saved.training[name] for name in ("epochs", "slate", "retrieval_order", "tasks")}
        context.commit(writer, facts={"rows": len(lists), "blend": saved.blend, **told})


def tasks_of(examples: pl.DataFrame) -> tuple[str, ...]:
    """What can be learned from these examples.

    Raises:
        ValueError: Nothing followed on any of them.
    """
    tasks = tuple(task for task, column in TASKS.items() if examples[column].any())
    if not tasks:
        raise ValueError("no click, cart, purchase or positive rating in the ranker's window; move `ranker` and `validation` in [cuts]")
    return tasks


STAGE = Stage(
    name="train_ranker",
    reads=("events", "users", "catalogue", "item_embeddings", "item_features", "examples", "retriever"),
    writes="ranker",
    config=("ranker", "relevance", "cuts"),
    sees={"": "test", f"{RELEASED}/": "date"},
    run=run,
)
