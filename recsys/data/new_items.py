"""What a release must say so that items which it does not know can be added to it: new_items.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

RULES = "new_items.json"


@dataclass(frozen=True, kw_only=True)
class NewItemRules:
    """How the night of a release would have described one item more."""

    encoders: Mapping[str, str]
    """modality -> version of the encoder whose vectors the towers read."""
    centres: Mapping[str, npt.NDArray[np.float32]]
    """modality -> (dim,): see `recsys.data.ranking_items.content_centres`."""
    dated: float
    """Log of the popularity that is expected of an item of which the catalogue says since when it may be shown."""
    undated: float
    """Of any other."""


def save_rules(folder: Path, rules: NewItemRules) -> None:
    """Write new_items.json into a folder."""
    values = {
        "encoders": dict(rules.encoders),
        "centres": {name: centre.tolist() for name, centre in rules.centres.items()},
        "dated": rules.dated,
        "undated": rules.undated,
    }
    (folder / RULES).write_text(json.dumps(values, sort_keys=True) + "\n", encoding="utf-8")


def load_rules(folder: Path) -> NewItemRules:
    """Read what `save_rules` wrote."""
    values = json.loads((folder / RULES).read_text(encoding="utf-8"))
    return NewItemRules(
        encoders=values["encoders"],
        centres={name: np.array(centre, np.float32) for name, centre in values["centres"].items()},
        dated=values["dated"],
        undated=values["undated"],
    )
