"""The evaluation as one HTML file that needs nothing else: no script, no font, no picture from anywhere."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pipelines.reports.charts import bars, curves, forest
from pipelines.reports.markup import dot, header, interval, number, page, pill, section, table, user
from pipelines.reports.method import method
from pipelines.reports.parity_section import parity_section
from pipelines.reports.reviews_section import reviews_section
from pipelines.reports.showcase import Showcase

METRICS = ("ndcg@10", "ndcg@20", "recall@10", "recall@20", "recall@50", "recall@100", "mrr", "hit_rate@10")
RECALL_KS = (10, 20, 50, 100)
MODELS_IN_BARS = 4
"""More bars side by side than this cannot be told apart; the table below them has all models."""


def render_page(report: Mapping[str, Any], costs: Mapping[str, Mapping[str, float]], showcases: Sequence[Showcase]) -> str:
    """Draw the page.

    Args:
        report: What `evaluate_models` found: see `report.json`.
        costs: Model -> name -> seconds.
        showcases: Users to show; may be empty, and their tiles may lack photos.
    """
    colours = {name: index % 8 for index, name in enumerate(report["models"])}
    parts = [
        _header(report),
        _models(report, colours),
        _gates(report),
        _slices(report, colours),
        _beyond(report, colours),
        _cuts(report),
        _ranker(report["ranker"]),
        reviews_section(report["reviews"]),
        parity_section(report["parity"]),
        _costs(report, costs, colours),
        _users(report, showcases),
        method(report),
    ]
    return page("Vitrine: how good are the recommendations?", parts)


def _header(report: Mapping[str, Any]) -> str:
    counts, first, gates = report["counts"], report["first"], report["gates"]
    refused = [gate["name"] for gate in gates if not gate["passed"]]
    values = report["models"][first]["new"]
    figures = (
        (number(values["ndcg@10"][0]), f"NDCG@10 of {first}"),
        (number(values["recall@100"][0]), f"Recall@100 of {first}"),
        (f"{counts['users_new']:,}", "users judged"),
        (f"{counts['candidates']:,}", "candidates"),
        (f"{len(gates) - len(refused)} of {len(gates)}", "gates passed"),
    )
    verdict = "Every gate passed." if not refused else f"Refused by: {', '.join(refused)}."
    lead = (
        f"{escape(verdict)} Models that learned only from what happened before "
        f"{_day(report['cuts']['validation'])} were asked for 100 items per user; the choices users then made until "
        f"{_day(report['cuts']['test'])} are the judge."
    )
    return header("How good are the recommendations?", lead, figures)


def _models(report: Mapping[str, Any], colours: Mapping[str, int]) -> str:
    models = report["models"]
    panels = {metric: {name: model["new"][metric] for name, model in models.items()} for metric in ("ndcg@10", "recall@100")}
    recall = {name: {k: model["new"][f"recall@{k}"] for k in RECALL_KS} for name, model in models.items()}
    compared = [
        [
            dot(entry["second"], colours),
            escape(entry["metric"]),
            f"{entry['difference']['mean']:+.4f}<small>{entry['difference']['low']:+.4f} – {entry['difference']['high']:+.4f}</small>",
            number(entry["corrected_p_value"]),
        ]
        for entry in report["comparisons"]
    ]
    return section(
        "Models",
        "Items new to the user: what was seen is masked. Mean over users and its 95 % bootstrap interval; bold is the best.",
        _metric_table(report, "new", colours),
        "<h3>Side by side</h3>",
        forest(panels, colours),
        "<h3>Recall by list length</h3>",
        curves(recall, colours, label="Recall@k"),
        f"<details><summary>{escape(report['first'])} against each other model, user by user</summary>",
        table(["model", "metric", f"{report['first']} – model", "p after Holm"], compared),
        "</details><details><summary>All items, seen ones included: what shops with repeat purchases read</summary>",
        _metric_table(report, "all", colours),
        "</details>",
    )


def _metric_table(report: Mapping[str, Any], scope: str, colours: Mapping[str, int]) -> str:
    models = report["models"]
    best = {metric: max((model[scope][metric][0] or 0.0) for model in models.values()) for metric in METRICS}
    rows = [
        [dot(name, colours), *(("*" if model[scope][m][0] == best[m] else "") + interval(model[scope][m]) for m in METRICS)]
        for name, model in models.items()
    ]
    return table(["model", *METRICS], rows, first=list(models).index(report["first"]))


def _gates(report: Mapping[str, Any]) -> str:
    rows = [[escape(gate["name"]), pill(gate["passed"]), escape(gate["message"])] for gate in report["gates"]]
    lead = "A release that a gate refuses is written all the same, as challenger; the champion stays."
    return section("Gates", lead, table(["gate", "answer", "found and allowed"], rows, text=(2,)))


def _slices(report: Mapping[str, Any], colours: Mapping[str, int]) -> str:
    models, counts = report["models"], report["slices"]
    rows = [
        [
            escape(name),
            f"{counts[name]['choices']:,}",
            f"{counts[name]['users']:,}",
            *(interval(model["slices"][name]["recall@100"]) for model in models.values()),
        ]
        for name in counts
    ]
    charts = []
    shown = _strongest(report)
    for dimension, title in (
        ("history", "By length of the user's history"),
        ("popularity", "By popularity of the chosen item"),
        ("content", "By what content the chosen item has"),
    ):
        names = [name for name in counts if name.startswith(f"{dimension}: ")]
        values = {model: [models[model]["slices"][name]["recall@100"] for name in names] for model in shown}
        if names:
            groups = [f"{name.partition(': ')[2]}\n{counts[name]['users']:,} users" for name in names]
            charts += [f"<h3>{title}</h3>", bars(groups, values, {name: colours[name] for name in shown}, label="Recall@100")]
    lead = (
        "Recall@100 where only the choices in the slice count; the rankings are the same full ones. Thirds are of items, so the tail "
        "third holds few choices. New items had no event before the cut."
    )
    return section("Slices", lead, *charts, "<h3>All slices</h3>", table(["slice", "choices", "users", *models], rows))


def _strongest(report: Mapping[str, Any]) -> list[str]:
    ordered = sorted(report["models"], key=lambda name: -(report["models"][name]["new"]["ndcg@10"][0] or 0.0))
    return [report["first"], *(name for name in ordered if name != report["first"])][:MODELS_IN_BARS]


def _beyond(report: Mapping[str, Any], colours: Mapping[str, int]) -> str:
    models = report["models"]
    names = list(next(iter(models.values()))["beyond_accuracy"])
    rows = [[dot(name, colours), *(number(model["beyond_accuracy"][value], 3) for value in names)] for name, model in models.items()]
    lead = (
        "The first ten of every list. Coverage: share of candidates shown to anyone. Gini: 0 when all are shown equally often, 1 when one "
        "takes all. Novelty: bits of surprise. Diversity: mean cosine distance within a list."
    )
    return section("Beyond accuracy", lead, table(["model", *(name.replace("_", " ") for name in names)], rows))


def _cuts(report: Mapping[str, Any]) -> str:
    cuts = report["cuts"]
    spans = (
        ("", "before t_r", "the ranker's retriever learns"),
        ("", "t_r to t0", "the ranker learns; the judged retriever learns up to t0"),
        ("now", "t0 to t1", "validation: this report"),
        ("", "t1 to date", "test: untouched here"),
    )
    bar = "".join(f'<div class="{kind}"><b>{name}</b>{text}</div>' for kind, name, text in spans)
    names = {"ranker": "t_r", "validation": "t0", "test": "t1", "date": "date"}
    moments = "".join(f"<span>{names[cut]} {_day(moment)}</span>" for cut, moment in cuts.items())
    lead = "One moment for all users parts what was learned from what is judged. Not to scale."
    return section("Cuts", lead, f'<div class="timeline">{bar}</div><div class="moments">{moments}</div>')


def _ranker(facts: Mapping[str, Any]) -> str:
    tasks = [
        [escape(task), f"{values['positives']:,.0f}", *(number(values[name]) for name in ("auc", "gauc", "normalised_entropy", "ece"))]
        for task, values in facts["tasks"].items()
    ]
    said = [
        [escape(name), *(number(values[k]) for k in ("10", "20"))]
        for name, values in (("the retriever's order", facts["retrieval_order"]), ("the final order", facts["slate"]))
    ]
    lead = (
        f"Users of the ranker's own window whom it has not learned from. The retriever keeps {facts['blend']:.0%} of the final word: all, "
        "unless enough of them say that the ranker orders better. They also chose its epoch and calibrated its probabilities, two numbers "
        "per task, so all this looks slightly better here than elsewhere. Normalised entropy: log loss over that of the mean rate, below 1 "
        "says more than the rate alone. ECE: how far probabilities lie from what happened."
    )
    return section(
        "Ranker",
        lead,
        table(["order", "NDCG@10", "NDCG@20"], said),
        table(["task", "positives", "AUC", "GAUC", "normalised entropy", "ECE"], tasks),
    )


def _costs(report: Mapping[str, Any], costs: Mapping[str, Mapping[str, float]], colours: Mapping[str, int]) -> str:
    rows = [
        [dot(name, colours), number(costs.get(name, {}).get("fit_seconds"), 2), number(costs.get(name, {}).get("judge_seconds"), 2)]
        for name in report["models"]
    ]
    index = [
        [escape(name.replace("_", " ")), escape(f"{value:.4f}" if isinstance(value, float) else str(value))]
        for name, value in report["index"].items()
    ]
    lead = "Models are judged on exact scores; what the approximate index loses against them stands on its own line."
    return section(
        "Cost",
        lead,
        table(["model", "seconds to fit", "seconds to rank for all judged users, both ways"], rows),
        "<h3>Index</h3>",
        table(["fact", "value"], index),
    )


def _users(report: Mapping[str, Any], showcases: Sequence[Showcase]) -> str:
    if not showcases:
        return ""
    lead = (
        "Equally many from every length of history; none was picked for looking good. "
        f"Offered by {report['first']}; a green frame is a hit."
    )
    return section(f"{len(showcases)} users", lead, *(user(showcase, number) for number, showcase in enumerate(showcases, start=1)))


def _day(moment: str) -> str:
    return escape(moment[:10])
