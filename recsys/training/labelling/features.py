"""What a classifier reads of an item: the vectors of all its modalities side by side, and which of them it has."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt


def label_features(
    vectors: Mapping[str, npt.NDArray[np.float32]], presence: Mapping[str, npt.NDArray[np.bool_]]
) -> npt.NDArray[np.float32]:
    """(items, features): of each modality the vector, zero where it is absent, and 1 where it is present.

    Args:
        vectors: modality -> (items, dim); rows of items without it are not read.
        presence: modality -> (items,).
    """
    parts = [np.where(presence[name][:, None], np.c_[values, np.ones(len(values))], 0) for name, values in vectors.items()]
    return np.concatenate(parts, axis=1).astype(np.float32)
