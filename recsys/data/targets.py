"""Which event each place of a history has to name in training."""

import numpy as np
import numpy.typing as npt


def draw_targets(
    lengths: npt.NDArray[np.int64],
    in_order: npt.NDArray[np.bool_],
    *,
    next_events: int,
    next_decay: float,
    random: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """(pieces, longest): the place, in its own piece, of the event that the state before each place has to name.

    A piece without order names the event of the place itself: it is shuffled anew every epoch, so that was any of its events. One that
    keeps the order of time may look further ahead, so that the tower learns what a user comes to want and not only what is next. What it
    names is drawn anew each epoch, which gives the gradient of the mean over all that could be drawn.

    Args:
        lengths: (pieces,) events of each, at least one piece; behind them is padding, of which each place names itself.
        in_order: (pieces,) whether the piece keeps the order of time.
        next_events: 1: the event of the place itself, which is the next one; more: one of so many, as far as there are; 0: any from there
            on, all alike.
        next_decay: In (0, 1]: with several next events, how many times as likely as each is the one behind it.
        random: Drawn from only where there is something to draw.
    """
    place = np.broadcast_to(np.arange(lengths.max()), (len(lengths), lengths.max()))
    if next_events == 1 or not in_order.any():
        return place.copy()
    left = np.where(in_order[:, None], lengths[:, None] - place, 1).clip(min=1)
    if next_events:
        left = left.clip(max=next_events)
    drawn = random.random(left.shape)
    ahead = drawn * left
    if next_events and next_decay < 1:
        ahead = np.log1p(-drawn * (1 - next_decay**left)) / np.log(next_decay)
    target: npt.NDArray[np.int64] = place + np.minimum(ahead.astype(np.int64), left - 1)
    return target
