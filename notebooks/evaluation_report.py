# ---
# jupyter:
#   kernelspec: {name: python3, display_name: Python 3}
# ---
# %% [markdown]
# # How good is the night?
# Reads the evaluation of a workspace (VITRINE_WORKSPACE; by default the demo's): one value per user, model and metric.

# %%
import json
import os
from pathlib import Path

import matplotlib.pyplot as plt
import polars as pl

from feature_store.layout import Workspace
from pipelines.config import load_config

root = Path.cwd()
while not (root / "configs").is_dir() and root != root.parent:
    root = root.parent
named = os.environ.get("VITRINE_WORKSPACE")
workspace = Workspace(Path(named) if named else root / load_config(root / "configs" / "demo.toml").workspace)
evaluation = workspace.read("evaluation").folder
report = json.loads((evaluation / "report.json").read_text())
users = pl.read_parquet(evaluation / "per_user.parquet").filter(pl.col("scope") == "new")

# %% [markdown]
# ## Means over users, with bootstrap intervals

# %%
metric = "recall@100"
intervals = {name: model["new"][metric] for name, model in report["models"].items()}
worst_first = sorted(intervals, key=lambda name: intervals[name][0])
means = [intervals[name][0] for name in worst_first]
low = [mean - intervals[name][1] for name, mean in zip(worst_first, means, strict=True)]
high = [intervals[name][2] - mean for name, mean in zip(worst_first, means, strict=True)]
figure, axes = plt.subplots(figsize=(8, 0.5 * len(means) + 1))
axes.barh(worst_first, means, xerr=[low, high])
axes.set_xlabel(f"{metric}, items new to the user")
figure.tight_layout()

# %% [markdown]
# ## Who is served well?
# By how much is known of the user.

# %%
by_history = users.group_by("history", "model").agg(pl.col(metric).mean(), users=pl.len())
by_history.sort("history", metric, descending=[False, True])

# %% [markdown]
# ## Where do two models differ?
# User by user: how often the first is ahead, level or behind, and by how much on average.

# %%
first, second = report["first"], "item_knn"
pairs = users.filter(pl.col("model").is_in([first, second])).pivot(on="model", index="user_id", values=metric).drop_nulls()
lead = pairs[first] - pairs[second]
pl.DataFrame({"ahead": [(lead > 0).mean()], "level": [(lead == 0).mean()], "behind": [(lead < 0).mean()], "mean lead": [lead.mean()]})
