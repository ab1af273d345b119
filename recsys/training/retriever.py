"""One training of the two-tower, on one rank or many: from items and interactions to a model, with validation, moving average, resume."""

import copy
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.offers import offered_from
from recsys.data.passed_over import PassedOver
from recsys.data.popularity import log_rate_on_offer
from recsys.data.tensors import ItemBatch, item_batch
from recsys.losses.joint_alignment import JointAlignment
from recsys.models.architecture import TowerShape, build_towers
from recsys.models.id_table import FusedIdTable, IdTable
from recsys.models.sharded_id_table import ShardedIdTable
from recsys.models.two_tower import TwoTower
from recsys.models.two_tower_scorer import embed_catalogue
from recsys.training.assignment import Assignment, assign
from recsys.training.checkpoint import load_checkpoint, save_checkpoint
from recsys.training.config import RetrieverConfig
from recsys.training.content_worth import content_worth
from recsys.training.ema import MovingAverage
from recsys.training.inputs import known_items, known_values, tower_shape, training_sequences
from recsys.training.one_standard_error import as_good
from recsys.training.ranks import Ranks, current_ranks
from recsys.training.scoring import Scoring
from recsys.training.sharded_checkpoint import load_rows, save_rows
from recsys.training.steps import Steps

CHOSEN = "chosen.pt"
"""The weights of the chosen epoch; on disk, for a long table is too much to hold once more."""
ID_TABLE = "item_tower.ids."
"""Start of the names of what belongs to the id table."""

Track = Callable[..., Iterable[Any]]
"""Wraps an iterable in a progress bar: `track(items, what=..., total=...)`."""
Validate = Callable[[TwoTower, ItemBatch], npt.NDArray[np.float64]]
"""Recall@100 of a model for each user of the judging window; NaN where nothing could be found."""

AfterEpoch = Callable[[Sequence[Mapping[str, float]]], None]
"""Told the history of a training after each epoch, once the checkpoint stands; what it raises ends the training there."""


@dataclass
class Training:
    """What came out of a training."""

    model: TwoTower
    """The moving average of the weights at the chosen epoch; of many ranks only the first has all rows of the id table."""
    items: ItemBatch
    """All items, prepared for the model's item tower."""
    epochs: int
    """The chosen epoch, counted from 1: the last one trained that validation finds as good as the best."""
    history: list[dict[str, float]]
    """Per epoch: loss; where validated, recall_at_100; in fp16, skipped_steps."""


def train_retriever(
    items: Items,
    past: Interactions,
    config: RetrieverConfig,
    *,
    epochs: int,
    validate: Validate | None,
    scratch: Path,
    track: Track,
    after_epoch: AfterEpoch | None = None,
    passed_over: PassedOver | None = None,
) -> Training:
    """Train on everything in `past`.

    Where ranks train together, each takes its part of every batch and of the items that stand in it, so that all of them do just the
    steps that one would; what is dropped out differs. The first rank calls this, the others `recsys.training.following.follow`; only the
    first validates and writes anything but its rows of a sharded table.

    Args:
        items: The catalogue.
        past: What may be learned from.
        config: Settings.
        epochs: At most this many with `validate`, exactly as many without.
        validate: Judges the moving average after each epoch; training stops after `config.patience` epochs without a better value.
        scratch: A checkpoint lies here after each epoch; a killed training goes on from it to the same result.
        track: Shows progress.
        after_epoch: May watch the training and give it up.
        passed_over: What users were shown and did nothing with, by the same moment as `past`; where `config.passed_over_negatives`.

    Raises:
        ValueError: There is nothing to learn from.
    """
    if len(past.item_index) == 0:
        raise ValueError("no event to train the retriever on; look at the cuts and at [relevance] in the config")
    ranks = current_ranks()
    if ranks.together and ranks.first:
        told = {"validated": validate is not None, "watched": after_epoch is not None}
        assign(Assignment(items=items, past=past, passed_over=passed_over, config=config, epochs=epochs, scratch=scratch, **told), ranks)
    with torch.random.fork_rng([ranks.device] if ranks.device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        trainer = _Trainer(items, past, passed_over, config, scratch, ranks)
        trainer.resume()
        while not trainer.finished(epochs, patience=(config.patience if validate else 0) or epochs):
            trainer.epoch(track)
            if validate:
                trainer.judge(validate)
            trainer.save()
            if after_epoch:
                ranks.on_first(partial(after_epoch, trainer.history))
    return trainer.result(validated=validate is not None)


def _id_rows(model: TwoTower) -> Tensor:
    """The id table, of which a step changes the rows it reads."""
    return model.item_tower.ids.weight


def _alignment(model: TwoTower, config: RetrieverConfig, device: torch.device) -> JointAlignment | None:
    """What is learned beside retrieval, thrown away after training; None where the config asks for nothing or there are not two sides."""
    modalities = tuple(model.item_tower.content)
    if not config.alignment or len(modalities) < 2:
        return None
    learned = config.alignment_weights == "learned"
    return JointAlignment(dict(config.alignment.items()), modalities, dim=config.embedding_dim, learned=learned).to(device)


class _Trainer:
    """The moving parts of one training; all that matters for a resume is in `state`."""

    def __init__(
        self, items: Items, past: Interactions, passed_over: PassedOver | None, config: RetrieverConfig, scratch: Path, ranks: Ranks
    ) -> None:
        self.config, self.scratch, self.ranks = config, scratch, ranks
        shape = tower_shape(items, config, known_values(past, config))
        self.model = build_towers(shape)
        self.model.item_tower.fit_whitening(items)
        self.model.item_tower.share_rows(items)
        everything = item_batch(items, has_id=known_items(past, config), modalities=shape.modalities)
        with torch.no_grad():
            unweighed = self.model.item_tower.prepare(everything)
            self.model.item_tower.weigh_content(content_worth(unweighed, self.model.item_tower.bands(), past, seed=config.seed))
            self.items = self.model.item_tower.prepare(everything)
        offered = offered_from(items, past)
        met = torch.from_numpy(np.unique(past.item_index))
        with torch.no_grad():
            start, end = int(past.event_time.min()), int(past.event_time.max())
            for question, answers in enumerate((past, past.keep(past.relevant))):
                rates = log_rate_on_offer(answers, offered, start=start, end=end)
                self.model.item_bias.weight[met, question] = torch.from_numpy(rates)[met]
        alignment = _alignment(self.model, config, ranks.device)
        self.full = len(items) <= config.full_softmax_items
        self.whole = copy.deepcopy(self.model).eval().requires_grad_(False) if ranks.together and ranks.first else None
        if ranks.together:
            self._deal_out(shape)
        self.average = MovingAverage(self.model, decay=config.ema_decay, table=None if self.full else _id_rows)
        self.scoring = Scoring(
            self.model,
            self.items,
            past,
            offered,
            config,
            ranks,
            passed_over=passed_over,
            settle=lambda read: self.average.settle(self._long_table().held(self.model.item_tower.rows_of(read))),
        )
        apart = [] if self.full else list(self.model.item_tower.ids.parameters())
        self.steps = Steps(self.model, self.average, self.scoring, alignment=alignment, apart=apart, config=config, ranks=ranks)
        self.sequences = training_sequences(past, config)
        self.done = 0
        self.best = 0
        self.best_values: npt.NDArray[np.float64] = np.zeros(0)
        self.chosen = 0
        self.history: list[dict[str, float]] = []

    def finished(self, epochs: int, *, patience: int) -> bool:
        return self.done >= epochs or (self.best > 0 and self.done - self.best >= patience)

    def epoch(self, track: Track) -> None:
        """One pass over all events; its randomness depends on the seed and the epoch's number alone."""
        random = self.ranks.generator(self.config.seed * 100_003 + self.done + 1)
        self.scoring.begin_epoch(random, average=self.average.average, index=self._index())
        batches, together = list(self.sequences.epoch(self.done)), self.config.accumulate
        starts = range(0, len(batches), together)
        self.model.train()
        skipped = self.steps.skipped
        losses = [
            self.steps.step(batches[start : start + together], progress=(self.done + start / len(batches)) / self.config.epochs)
            for start in track(starts, what=f"epoch {self.done + 1}", total=len(starts))
        ]
        self.average.settle()
        self.done += 1
        self.history.append({"loss": float(self.ranks.sum(torch.stack(losses)).mean())})
        if self.steps.scaler.is_enabled():
            self.history[-1]["skipped_steps"] = self.steps.skipped - skipped
        self.ranks.on_first(self._refuse_divergence)

    def _index(self) -> Tensor | None:
        """Item vectors of the moving average, told to all ranks; None where nobody asks for them, or before the first epoch."""
        if not self.done or not self.scoring.asks_for_an_index:
            return None
        average = self.averaged()
        return self.ranks.on_first(lambda: torch.from_numpy(embed_catalogue(average, self.items, np.zeros(len(self.items)))))

    def _refuse_divergence(self) -> None:
        if not np.isfinite(self.history[-1]["loss"]):
            raise ValueError(
                f"the loss of epoch {self.done} is {self.history[-1]['loss']}; lower learning_rate or gradient_clip in [retriever]"
            )

    def judge(self, validate: Validate) -> None:
        """Of equals the later epoch is chosen: a few judged users are easily taken in by an early one that was lucky."""
        average = self.averaged()
        values = self.ranks.on_first(partial(validate, average, self.items))
        recall = float(np.nanmean(values))
        self.history[-1]["recall_at_100"] = recall
        if not self.best or recall > np.nanmean(self.best_values):
            self.best, self.best_values = self.done, values
        if not self.config.patience or as_good(values, self.best_values):
            self.chosen = self.done
            if self.ranks.first:
                save_checkpoint(self.scratch, average.state_dict(), name=CHOSEN)

    def averaged(self) -> TwoTower:
        """The moving average; of ranks together the first one gets it with all rows of the id table, on its CPU."""
        average = self.average.average
        if not self.ranks.together:
            return average
        if self.whole is not None:
            self.whole.load_state_dict(average.state_dict(), strict=self.full)
        if not self.full:
            table = average.item_tower.ids
            assert isinstance(table, ShardedIdTable)
            self.ranks.collect(table.weight, table.spans, into=None if self.whole is None else _id_rows(self.whole))
        return average if self.whole is None else self.whole

    def result(self, *, validated: bool) -> Training:
        model = self.averaged()
        if validated and self.chosen != self.done and self.ranks.first:
            weights = load_checkpoint(self.scratch, name=CHOSEN)
            assert weights is not None
            model.load_state_dict(weights)
        return Training(model, self.items, self.chosen if validated else self.done, self.history)

    def _deal_out(self, shape: TowerShape) -> None:
        """Give each rank the same start, and its rows of a long id table."""
        whole, ranks = self.model.item_tower.ids, self.ranks
        self.model.to(ranks.device)
        if isinstance(whole, FusedIdTable):
            self.model.item_tower.ids = ShardedIdTable(
                whole,
                learning_rate=shape.fused_learning_rate,
                size=ranks.size,
                rank=ranks.number,
                device=ranks.device,
                sharding=self.config.sharding,
            )
        ranks.alike(self.model)

    def _long_table(self) -> FusedIdTable | ShardedIdTable:
        """The id table that a step changes some rows of."""
        table = self.model.item_tower.ids
        assert not isinstance(table, IdTable)
        return table

    def _per_row(self) -> dict[str, Tensor]:
        """All that is kept for the rows of a long id table that this process holds."""
        if self.full:
            return {}
        return {
            "weight": _id_rows(self.model).detach(),
            "average": _id_rows(self.average.average).detach(),
            **self._long_table().optimizer_state(),
        }

    def save(self) -> None:
        """Leave a checkpoint: what concerns the rows of a sharded table first, each rank its own, and then the rest, which names them."""
        rows = self._per_row()
        beside = f"table-{self.done:04d}" if rows and self.ranks.together else ""
        if beside:
            save_rows(self.scratch / beside, rows, self._long_table().rows, total=self.model.item_tower.id_rows, ranks=self.ranks)
        if self.ranks.first:
            save_checkpoint(self.scratch, self._state() | {"table": {} if beside else rows, "table_folder": beside})
            for stale in self.scratch.glob("table-*"):
                if stale.name != beside:
                    shutil.rmtree(stale)

    def _state(self) -> dict[str, Any]:
        """All that a resume needs but what is kept per row of a long id table; the same on all ranks."""
        return {
            "config": asdict(self.config),
            "model": self._beside_table(self.model.state_dict()),
            "average": self._beside_table(self.average.average.state_dict()),
            "average_steps": self.average.steps,
            "optimizer": self.steps.optimizer.state_dict(),
            "scaler": self.steps.scaler.state_dict(),
            "alignment": self.steps.alignment.state_dict() if self.steps.alignment else {},
            "done": self.done,
            "best": self.best,
            "best_values": torch.from_numpy(self.best_values),
            "chosen": self.chosen,
            "history": self.history,
        }

    def _beside_table(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: values for name, values in weights.items() if self.full or not name.startswith(ID_TABLE)}

    def resume(self) -> None:
        """Go on where a checkpoint stopped, if there is one, however many ranks it is of."""
        state = load_checkpoint(self.scratch)
        if state is None:
            return
        self.model.load_state_dict(state["model"], strict=self.full)
        self.average.average.load_state_dict(state["average"], strict=self.full)
        self.average.steps = state["average_steps"]
        self.steps.optimizer.load_state_dict(state["optimizer"])
        if self.steps.scaler.is_enabled():
            self.steps.scaler.load_state_dict(state["scaler"])
        if self.steps.alignment:
            self.steps.alignment.load_state_dict(state["alignment"])
        if state["table_folder"]:
            rows = self._long_table().rows
            load_rows(self.scratch / state["table_folder"], self._per_row(), rows, total=self.model.item_tower.id_rows, ranks=self.ranks)
        else:
            for name, values in self._per_row().items():
                values.copy_(state["table"][name][self._long_table().rows])
        self.done, self.best, self.chosen = state["done"], state["best"], state["chosen"]
        self.best_values = state["best_values"].numpy()
        self.history = state["history"]
