"""What each user wanted, once per item: the only thing that the classic models learn from."""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.data.interactions import Interactions
from recsys.data.relevance import Kind


def liked(interactions: Interactions) -> sp.csr_matrix:
    """(users, items), float32: 1 where an event said «wanted», unless the user's last opinion of the item was a low rating."""
    wanted = interactions.keep(interactions.relevant).matrix()
    wanted.data[:] = 1
    final = interactions.distinct()
    regretted = final.keep(final.kind == Kind.DISLIKED).matrix()
    kept = (wanted - wanted.multiply(regretted)).tocsr()
    kept.eliminate_zeros()
    return kept


def liked_by(interactions: Interactions, rows: npt.NDArray[np.int64]) -> sp.csr_matrix:
    """(len(rows), items): the same for some users; nothing for row -1.

    Only the events of these users are touched, so that scoring block by block costs no more than all at once.
    """
    return liked(interactions.asked(rows))


def num_likes(interactions: Interactions) -> npt.NDArray[np.float32]:
    """(items,): how many users wanted each item."""
    return np.asarray(liked(interactions).sum(axis=0), np.float32).ravel()
