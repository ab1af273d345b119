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
models = sorted(report["models"], key=lambda model: model["metrics"]["new"][metric]["mean"])
values = [model["metrics"]["new"][metric] for model in models]
means = [value["mean"] for value in values]
low = [value["mean"] - value["low"] for value in values]
high = [value["high"] - value["mean"] for value in values]
figure, axes = plt.subplots(figsize=(8, 0.5 * len(models) + 1))
axes.barh([model["name"] for model in models], means, xerr=[low, high])
axes.set_xlabel(f"{metric}, items new to the user")
figure.tight_layout()

# %% [markdown]
# ## Who is served well?
# By how much is known of the user.

# %%
users.group_by("history", "model").agg(pl.col(metric).mean(), users=pl.len()).sort("history", metric, descending=[False, True])
