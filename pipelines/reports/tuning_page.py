"""A search for better settings as one HTML file: what was tried, what it was worth, and by which setting."""

from collections.abc import Mapping
from html import escape
from typing import Any

from pipelines.reports.charts import Dots, scatter
from pipelines.reports.markup import header, number, page, section, table
from pipelines.reports.tuning_table import changes_of, gain_of, tuning_verdict

COLUMNS = 3


def render_tuning_page(report: Mapping[str, Any]) -> str:
    """Draw the page.

    Args:
        report: What a search has come to: see `tuning.json`.
    """
    judged = [trial for trial in report["trials"] if trial["gain"] is not None]
    return page("Vitrine: which settings are best?", [_header(report, judged), *_charts(report, judged), _trials(report), _method(report)])


def _header(report: Mapping[str, Any], judged: list[Mapping[str, Any]]) -> str:
    best = max(judged, key=lambda trial: float(trial["gain"]), default=None)
    figures = [(str(len(report["trials"])), "trials finished"), (f"{report['users']:,}", "users judged")]
    if best is not None:
        figures += [
            (f"{best['gain']:+.2%}", "gain of the best"),
            (number(best["recall@100"]), "Recall@100 of the best"),
            (number(best["ndcg@10"]), "NDCG@10 of the best"),
        ]
    return header("Which settings are best?", escape(tuning_verdict(report)), figures)


def _charts(report: Mapping[str, Any], judged: list[Mapping[str, Any]]) -> list[str]:
    if not judged:
        return []
    gains = [100 * trial["gain"] for trial in judged]
    stressed = {0, gains.index(max(gains))}
    by_trial = Dots(places=[trial["number"] + 1 for trial in judged], values=gains, best_so_far=True)
    by_setting = {
        name: _dots(parameter, [trial["settings"][name] for trial in judged], gains) for name, parameter in report["parameters"].items()
    }
    lead = (
        "Gain: mean of the relative gains in Recall@100 and in NDCG@10 over the first trial, the settings from before the search. "
        "The line is the best so far; the first and the best stand out."
    )
    return [
        section("Trial by trial", lead, scatter({"trial": by_trial}, stressed, label="gain, %", columns=1)),
        section(
            "Setting by setting",
            "The same trials by the value of each setting. The others differ too, so a trend is a hint and not a proof.",
            scatter(by_setting, stressed, label="gain, %", columns=COLUMNS),
        ),
    ]


def _dots(parameter: Mapping[str, Any], values: list[Any], gains: list[float]) -> Dots:
    if "values" in parameter:
        places = [parameter["values"].index(value) for value in values]
        return Dots(places=places, values=gains, ticks={place: str(value) for place, value in enumerate(parameter["values"])})
    low, high, log = parameter["low"], parameter["high"], parameter["log"]
    middle = (low * high) ** 0.5 if log else (low + high) / 2
    ticks = {place: f"{place:.2g}" if place < 10 else f"{place:.0f}" for place in (low, middle, high)}
    if not parameter["never"]:
        return Dots(places=values, values=gains, ticks=ticks, log=log)
    never = 2 * high
    return Dots(places=[value or never for value in values], values=gains, ticks=ticks | {never: "never"}, log=log)


def _trials(report: Mapping[str, Any]) -> str:
    rows = [
        [
            str(trial["number"] + 1),
            escape(changes_of(trial)),
            number(trial["recall@100"]),
            number(trial["ndcg@10"]),
            escape(gain_of(trial)),
            str(trial["epochs"] or ""),
            escape(trial["why"]),
        ]
        for trial in report["trials"]
    ]
    verdict = report["verdict"]
    lead = "What differs from the first trial. Given up: behind half of the others after as many epochs."
    head = ["trial", "settings", "Recall@100", "NDCG@10", "gain", "epoch chosen", "why it failed"]
    return section("Trials", lead, table(head, rows, text=(1, 6), first=verdict["best"] if verdict else None))


def _method(report: Mapping[str, Any]) -> str:
    cuts = {name: moment[:10] for name, moment in report["cuts"].items()}
    told = (
        f"Every trial learns from what happened before {cuts['validation']} and is judged by what {report['users']:,} users chose until "
        f"{cuts['test']}; epochs, question and popularity prior are chosen on the same window, as in every night. "
        "Nothing after it is read. The first trial stays unless the best is ahead by more than one standard error of the paired "
        "difference over users. The best of many is partly lucky, which no interval here corrects for: after the next "
        "night vitrine evaluate --phase test says what is left of the gain."
    )
    return section("Method", told)
