"""SASRec as a baseline: the settings under which the two-tower is no more than that."""

from dataclasses import replace

from recsys.training.config import RetrieverConfig


def sasrec_settings(config: RetrieverConfig) -> RetrieverConfig:
    """Causal self-attention over item ids that asks for the next event by softmax over the catalogue (Kang and McAuley, ICDM 2018; with
    this loss Klenitskiy and Vasilev, RecSys 2023, arXiv 2309.07602).

    It keeps the size, the learning rates and the patience of the retriever beside which it stands, and chooses its epochs and its
    popularity prior by the same users; so it is, if anything, stronger than the published one. It is one model, as published, however many
    the retriever is made of.

    Args:
        config: The retriever's.
    """
    return replace(
        config,
        ensemble=1,
        block_kind="transformer",
        id_rows=0,
        modalities=(),
        match_dim=0,
        parts=(),
        alignment={},
        use_item_id=True,
        use_time_gap=False,
        min_item_events=1,
        cold_every=0,
        order="time",
        context_weight=0.0,
        positive_correction="left_out",
        mask_own_choices=False,
        memory_items=0,
        hard_negatives=0,
        passed_over_negatives=0,
        user_attributes=(),
        accumulate=1,
        schedule="constant",
        adversarial=0.0,
        half_life_days=0.0,
        next_events=1,
    )
