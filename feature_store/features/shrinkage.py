"""How far the rate of one item is drawn to that of all: as far as the data say that items are alike."""

import polars as pl

LEAST_STRENGTH, MOST_STRENGTH = 1.0, 10_000.0


def prior_strength(successes: pl.Series, trials: pl.Series, *, otherwise: float) -> float:
    """Trials at the mean rate that every item is given on top: a + b of the beta distribution that its rate is drawn from.

    Empirical Bayes by moments, items weighted by their trials (Kleinman, JASA 1973): what the rates of items scatter beyond what chance
    alone would is how much items differ; the less they do, the stronger the prior.

    Args:
        successes: Of each item; more than its trials count as all of them.
        trials: Of each item; items without any say nothing.
        otherwise: What is given where fewer than two items say something, or all succeed, or none does.

    Returns:
        From LEAST_STRENGTH to MOST_STRENGTH; the latter where rates scatter no more than chance would let them.
    """
    tried = trials > 0
    n = trials.filter(tried).cast(pl.Float64).to_numpy()
    x = successes.filter(tried).cast(pl.Float64).to_numpy().clip(0, n)
    total = n.sum()
    mean = x.sum() / total if total else 0.0
    chance = mean * (1 - mean)
    room = total - (n**2).sum() / total - (len(n) - 1) if total else 0.0
    if len(n) < 2 or chance <= 0 or room <= 0:
        return otherwise
    alike = ((n * (x / n - mean) ** 2).sum() - chance * (len(n) - 1)) / (chance * room)  # 1 / (a + b + 1)
    return float(min(max(1 / alike - 1, LEAST_STRENGTH), MOST_STRENGTH)) if alike > 0 else MOST_STRENGTH
