"""Item features as the ranker's side reads them."""

from feature_store.features.item_rates import with_rates
from feature_store.schema import ITEM_FEATURES
from tests.support.behaviour import START

NOTHING_KNOWN = with_rates(ITEM_FEATURES.empty(), since=START)
"""Of no item."""
