"""One training of the ranker: from labelled lists to a model, with held-out users choosing its epoch and its share of the final word."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recsys.data.final_scores import final_scores
from recsys.data.ranking_lists import RankingLists
from recsys.losses.multitask import multitask
from recsys.metrics.auc import auc
from recsys.metrics.ece import expected_calibration_error
from recsys.metrics.gauc import gauc
from recsys.metrics.ndcg import ndcg_at_k
from recsys.metrics.normalised_entropy import normalised_entropy
from recsys.models.ranker import RankerShape, SavedRanker
from recsys.training.calibration import platt_scaling
from recsys.training.checkpoint import load_checkpoint, save_checkpoint
from recsys.training.config import RankerConfig
from recsys.training.one_standard_error import as_good

BLENDS = (1.0, 0.8, 0.6, 0.4, 0.2, 0.0)
"""Shares of the retriever that are tried; the first that is as good as any wins, so that the ranker speaks only where it helps."""
FEWEST_REQUESTS = 50
"""Held-out requests that led to something; of fewer, the ranker's order would be chosen by luck."""

Track = Callable[..., Iterable[Any]]
"""Wraps an iterable in a progress bar: `track(items, what=..., total=...)`."""


def train_ranker(
    lists: RankingLists,
    config: RankerConfig,
    *,
    feature_names: Sequence[str],
    tasks: Sequence[str],
    task_weights: Sequence[float],
    history_length: int,
    scratch: Path,
    track: Track,
    blends: Sequence[float] = BLENDS,
) -> SavedRanker:
    """Learn from the lists of most users, choose by those of the others.

    Args:
        lists: Requests with candidates and what followed.
        config: Settings.
        feature_names: Columns of the features.
        tasks: What the labels are, e.g. click.
        task_weights: What an event of each task is worth in the final score.
        history_length: Newest items of a user that the features were made of.
        scratch: A checkpoint lies here after each epoch; a killed training goes on from it to the same result.
        track: Shows progress.
        blends: Of `BLENDS`, those that may be chosen.

    Raises:
        ValueError: There is no request to learn from.
    """
    held_out = hold_out(lists.user, share=config.held_out_share, seed=config.seed)
    learn, judge = lists.select(np.flatnonzero(~held_out)), lists.select(np.flatnonzero(held_out))
    if len(learn) == 0:
        raise ValueError(f"no request to train the ranker on ({len(lists)} in all); widen [ranker window, validation) in [cuts]")
    shape = RankerShape(
        feature_names=tuple(feature_names),
        tasks=tuple(tasks),
        num_experts=config.num_experts,
        expert_dims=config.expert_dims,
        tower_dims=config.tower_dims,
        dropout=config.dropout,
    )
    weights = np.array(task_weights, np.float64)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        trainer = _Trainer(learn, judge, shape, weights, config, blends)
        state = load_checkpoint(scratch)
        if state is not None:
            trainer.load_state(state)
        while not trainer.finished():
            trainer.epoch(track)
            save_checkpoint(scratch, trainer.state())
    trainer.model.load_state_dict(trainer.best.weights)
    trainer.model.eval().requires_grad_(False)
    saved = SavedRanker(
        model=trainer.model, shape=shape, task_weights=tuple(map(float, weights)), blend=trainer.best.blend, history_length=history_length
    )
    saved.training.update(
        {
            "epochs": trainer.best.epoch,
            "requests": len(learn),
            "held_out_requests": len(judge),
            "history": trainer.history,
            "slate": {str(k): _mean(trainer.slate_ndcg(saved.blend, k)) for k in (10, 20)},
            "retrieval_order": {str(k): _mean(trainer.slate_ndcg(1.0, k)) for k in (10, 20)},
            "tasks": task_metrics(saved, judge),
        }
    )
    return saved


def hold_out(user: npt.NDArray[np.int64], *, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """(requests,): whether the request's user is held out; all requests of a user go the same way, and one user always stays."""
    users = np.unique(user)
    count = min(round(len(users) * share), len(users) - 1) if len(users) else 0
    chosen = np.random.default_rng(seed).permutation(users)[:count]
    return np.isin(user, chosen)


def slate_ndcg(
    lists: RankingLists, probabilities: npt.NDArray[np.float32], *, task_weights: npt.NDArray[np.floating], blend: float, k: int
) -> npt.NDArray[np.float64]:
    """(requests,): NDCG@k; NaN where nothing was wanted.

    Args:
        lists: Requests.
        probabilities: (requests, candidates, tasks).
        task_weights: (tasks,)
        blend: See `final_scores`.
        k: Ranks that count.
    """
    hits = np.zeros((len(lists), max(k, lists.item_index.shape[1])), bool)
    for place, there in enumerate(lists.there):
        final = final_scores(probabilities[place, there], lists.retrieval_scores[place, there], task_weights=task_weights, blend=blend)
        order = np.argsort(-final, kind="stable")
        hits[place, : len(order)] = lists.labels[place, there][order].any(axis=1)
    return ndcg_at_k(hits, lists.num_wanted, k=k)


def choose_blend(values: Mapping[float, npt.NDArray[np.float64]]) -> float:
    """The greatest share of the retriever that is `as_good` as the best share: it rests on the model that has seen the most.

    Where fewer than FEWEST_REQUESTS led to something, the greatest of all.

    Args:
        values: Share -> (requests,) NDCG, NaN where nothing was wanted; shares from great to small.
    """
    greatest = next(iter(values))
    if np.count_nonzero(~np.isnan(values[greatest])) < FEWEST_REQUESTS:
        return greatest
    best = max(values, key=lambda share: _mean(values[share]))
    return next(share for share, found in values.items() if as_good(found, values[best]))


def _mean(values: npt.NDArray[np.float64]) -> float:
    """Over requests behind which something was wanted; 0 where there is none."""
    return float(np.nanmean(values)) if not np.isnan(values).all() else 0.0


def task_metrics(saved: SavedRanker, lists: RankingLists) -> dict[str, dict[str, float]]:
    """AUC, GAUC, normalised entropy and calibration error of every task over all candidates."""
    there = lists.there
    if not there.any():
        return {}
    probabilities = saved.probabilities(lists.features[there])
    request = np.broadcast_to(np.unique(lists.user, return_inverse=True)[1][:, None], there.shape)[there]
    found = {}
    for place, task in enumerate(saved.shape.tasks):
        label, expected = lists.labels[there][:, place], probabilities[:, place].astype(np.float64)
        found[task] = {
            "auc": auc(label, expected),
            "gauc": gauc(label, expected, request),
            "normalised_entropy": normalised_entropy(label, expected),
            "ece": expected_calibration_error(label, expected),
            "positives": float(label.sum()),
        }
    return found


@dataclass
class _Best:
    epoch: int = 0
    value: float = float("-inf")
    blend: float = 1.0
    weights: dict[str, Tensor] = field(default_factory=dict)


class _Trainer:
    """The moving parts of one training; all that matters for a resume is in `state`."""

    def __init__(
        self,
        learn: RankingLists,
        judge: RankingLists,
        shape: RankerShape,
        weights: npt.NDArray[np.float64],
        config: RankerConfig,
        blends: Sequence[float],
    ) -> None:
        self.learn, self.judge, self.weights, self.config, self.blends = learn, judge, weights, config, blends
        self.model = shape.build()
        self.model.standardise_by(torch.from_numpy(learn.features[learn.there]))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        self.done, self.best = 0, _Best()
        self.history: list[dict[str, float]] = []

    def finished(self) -> bool:
        return self.done >= self.config.epochs or (self.done > 0 and self.done - self.best.epoch >= self.config.patience)

    def epoch(self, track: Track) -> None:
        """One pass over all requests; its randomness depends on the seed and the epoch's number alone."""
        torch.manual_seed(self.config.seed * 100_003 + self.done + 1)
        order = torch.randperm(len(self.learn)).numpy()
        size = max(1, self.config.batch_rows // max(1, self.learn.item_index.shape[1]))
        starts = range(0, len(order), size)
        self.model.train()
        losses = [
            self._step(self.learn.select(order[start : start + size]))
            for start in track(starts, what=f"ranker, epoch {self.done + 1}", total=len(starts))
        ]
        self.done += 1
        self.history.append({"loss": float(torch.stack(losses).mean())})
        self._validate()

    def _step(self, batch: RankingLists) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.model(torch.from_numpy(batch.features).flatten(0, 1)).unflatten(0, batch.item_index.shape)
        loss = multitask(logits, torch.from_numpy(batch.labels), torch.from_numpy(batch.there), listwise_weight=self.config.listwise_weight)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _validate(self) -> None:
        """Calibrate and judge on the held-out users; the epoch is the ranker's best, the blend of that epoch may still be all retriever."""
        self.model.eval()
        self._calibrate()
        judged = {blend: self.slate_ndcg(blend, 10) for blend in BLENDS}
        blend = choose_blend({share: judged[share] for share in self.blends})
        with_ranker = max(_mean(judged[share]) for share in BLENDS if share < 1)
        self.history[-1] |= {"ndcg_at_10": with_ranker, "blend": blend}
        if not self.best.weights or with_ranker > self.best.value:
            weights = {name: value.clone() for name, value in self.model.state_dict().items()}
            self.best = _Best(self.done, with_ranker, blend, weights)

    def _calibrate(self) -> None:
        there = self.judge.there
        if there.any():
            with torch.no_grad():
                logits = self.model(torch.from_numpy(self.judge.features[there]))
            scale, shift = platt_scaling(logits, torch.from_numpy(self.judge.labels[there]))
            self.model.scale.copy_(scale)
            self.model.shift.copy_(shift)

    def slate_ndcg(self, blend: float, k: int) -> npt.NDArray[np.float64]:
        """Of the held-out users."""
        probabilities = np.zeros((*self.judge.item_index.shape, len(self.weights)), np.float32)
        with torch.inference_mode():
            probabilities[self.judge.there] = self.model.probabilities(torch.from_numpy(self.judge.features[self.judge.there])).numpy()
        return slate_ndcg(self.judge, probabilities, task_weights=self.weights, blend=blend, k=k)

    def state(self) -> dict[str, Any]:
        """All that a resume needs."""
        best = {name: getattr(self.best, name) for name in ("epoch", "value", "blend", "weights")}
        return {
            "config": asdict(self.config),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "done": self.done,
            "best": best,
            "history": self.history,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint stopped."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done, self.history = state["done"], state["history"]
        self.best = _Best(**state["best"])
