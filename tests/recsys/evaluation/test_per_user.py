import numpy as np

from recsys.evaluation.judge import FullRanking, judge
from recsys.evaluation.per_user import from_frame, gather, to_frame
from recsys.evaluation.slices import build_slices
from recsys.evaluation.truth import build_truth
from recsys.models.baselines.build import build_baseline
from tests.support.behaviour import day, items_of, random_interactions

LOG = random_interactions(6, num_users=40, num_items=20, num_events=500)
ITEMS = items_of(20)


def test_what_was_kept_comes_back_aligned_to_the_users_asked_for() -> None:
    past, window = LOG.before(day(80)), LOG.between(day(80), day(100))
    truth = build_truth(past, window, candidates=np.ones(20, bool))
    judgements = [judge(FullRanking(build_baseline(name, past, ITEMS)), truth) for name in ("popularity", "ease")]
    judged = gather(judgements, truth, build_slices(truth, ITEMS, cut=day(80), most_categories=3))
    frame = to_frame(judgements, judged, truth)
    assert frame.height == 2 * 2 * truth.num_users  # models x scopes x users

    asked = np.array([truth.user_ids[3], "nobody", truth.user_ids[0]], dtype=object)
    back = from_frame(frame, asked)
    assert list(back) == ["popularity", "ease"]
    assert back["ease"].keys() == judged["ease"].keys()
    for metric, values in judged["ease"].items():
        np.testing.assert_array_equal(back["ease"][metric], [values[3], np.nan, values[0]])
