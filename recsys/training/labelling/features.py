"""What a classifier reads of an item: the vectors of all its modalities side by side, and which of them it has."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt


def label_features(
    vectors: Mapping[str, npt.NDArray[np.float32]], presence: Mapping[str, npt.NDArray[np.bool_]]
) -> npt.NDArray[np.float32]:
    """(items, features): of each modality that any item has the vector, zero where it is absent, and 1 where it is present.

    Args:
        vectors: modality -> (items, dim); rows of items without it are not read.
        presence: modality -> (items,); one at least.
    """
    size = len(next(iter(presence.values())))
    there = {name: present for name, present in presence.items() if present.any()}
    parts = [np.where(present[:, None], np.c_[vectors[name], np.ones(len(present))], 0) for name, present in there.items()]
    return np.concatenate([np.zeros((size, 0)), *parts], axis=1).astype(np.float32)
