"""Make sampled answers of the champion again before anything of the night changes what they were made from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from feature_store.layout import Workspace
from pipelines.config import Config
from pipelines.parity.gate import broken_features, nothing_compared, parity_gate
from pipelines.parity.run import OtherRelevanceError, ParityError, newest_samples, run_parity
from pipelines.releases import ReleaseError, ReleaseShelf
from pipelines.stage import Stage, StageContext
from recsys.slate.release_reader import ReleaseError as UnreadableReleaseError

FORMAT = 2
"""Of the facts; what an older version has found does not stand."""


def run(context: StageContext) -> None:
    """Write the table `parity`: its one file holds the verdict alone, so that nothing behind it runs again where that is the same."""
    fingerprint = context.fingerprint  # before a sample can come in that is not looked at
    facts = _facts(context.config, context.workspace)
    gate = parity_gate(facts)
    with context.workspace.write(context.stage.writes) as writer:
        verdict = {"passed": gate.passed, "broken": [entry["name"] for entry in broken_features(facts)] if facts["rows"] else []}
        (writer.folder / "verdict.json").write_text(json.dumps(verdict) + "\n", encoding="utf-8")
        context.commit(
            writer, facts=facts | {"told": [gate.message if gate.passed else f"REFUSED: {gate.message}"]}, fingerprint=fingerprint
        )


def _facts(config: Config, workspace: Workspace) -> dict[str, Any]:
    """What the champion's samples say; what they said the last time, which stands until they are asked again; or why they say nothing."""
    champion = _champion(workspace)
    if champion is None:
        return nothing_compared("no release is served yet")
    if not config.gates.parity_requests:
        return nothing_compared("[gates] parity_requests is 0")
    try:
        return compare(config, workspace, champion=champion)
    except OtherRelevanceError as error:  # no newer sample could ever take a refusal back
        return nothing_compared(str(error))
    except ParityError as error:
        before = workspace.read(STAGE.writes).manifest.facts if workspace.exists(STAGE.writes) else {}
        asked = (FORMAT, champion, config.gates.max_parity_difference)
        stands = before.get("rows") and (before.get("format"), before["release_id"], before["tolerance"]) == asked
        return {**before, "why": str(error)} if stands else nothing_compared(str(error))


def compare(config: Config, workspace: Workspace, *, champion: str) -> dict[str, Any]:
    """Facts about the newest samples of the champion.

    Raises:
        ParityError: Nothing can be compared.
    """
    if next(newest_samples(workspace), None) is None:
        raise ParityError("the API has sampled none, which `vitrine serve --sample-requests 0.01` makes it do")
    if not all(map(workspace.exists, ("events", "snapshot"))):
        raise ParityError("the log or the snapshot that the API answers from is gone")
    try:
        found = run_parity(config, requests=config.gates.parity_requests)
    except (ReleaseError, UnreadableReleaseError) as error:
        raise ParityError(f"release {champion}, which is served, is gone or damaged") from error
    told = {name: getattr(found, name) for name in ("release_id", "tolerance", "k", "overlap", "lowest_overlap")}
    features = [asdict(feature) for feature in found.features]
    told["format"] = FORMAT
    return told | {"rows": found.requests, "why": "", "newest": found.newest.isoformat(), "left_out": found.left_out, "features": features}


def _champion(workspace: Workspace) -> str | None:
    champion = ReleaseShelf(workspace.releases).champion()
    return champion.release_id if champion else None


def _newest_sample(_config: Config, workspace: Workspace) -> Mapping[str, str]:
    newest = next(newest_samples(workspace), None)
    return {} if newest is None else {"champion": _champion(workspace) or "", "newest": hashlib.sha256(newest.to_line()).hexdigest()}


STAGE = Stage(name="check_parity", reads=(), writes="parity", config=("gates",), dated=False, run=run, extra=_newest_sample)
