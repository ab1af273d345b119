import math

import pytest
import torch
import torch.nn.functional as F

from recsys.losses.alignment import ALIGNMENT_LOSSES
from recsys.losses.joint_alignment import FIRST_TEMPERATURE, MOST_LOG_VARIANCE, JointAlignment

RETRIEVAL = torch.tensor(2.0)
EVERYWHERE = {name: torch.ones(6, dtype=torch.bool) for name in ("image", "text", "audio")}


def tokens_of(*modalities: str, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(6, 4, generator=generator) for name in modalities}


@pytest.mark.parametrize("name", sorted(ALIGNMENT_LOSSES))
def test_each_weighted_loss_of_the_pair_is_added(name: str) -> None:
    tokens = tokens_of("image", "text")
    left, right = F.normalize(tokens["image"], dim=1), F.normalize(tokens["text"], dim=1)
    alone = ALIGNMENT_LOSSES[name](4)(left, right, torch.arange(6), temperature=torch.tensor(FIRST_TEMPERATURE))
    together = JointAlignment({name: 0.3}, ("image", "text"), dim=4, learned=False)(RETRIEVAL, tokens, EVERYWHERE)
    torch.testing.assert_close(together, RETRIEVAL + 0.3 * alone)


def test_of_three_modalities_the_mean_over_the_pairs_counts() -> None:
    tokens = tokens_of("image", "text", "audio")
    alone = [
        JointAlignment({"contrastive": 1.0}, pair, dim=4, learned=False)(torch.tensor(0.0), tokens, EVERYWHERE)
        for pair in (("image", "text"), ("image", "audio"), ("text", "audio"))
    ]
    together = JointAlignment({"contrastive": 1.0}, ("image", "text", "audio"), dim=4, learned=False)(RETRIEVAL, tokens, EVERYWHERE)
    torch.testing.assert_close(together, RETRIEVAL + torch.stack(alone).mean())


def test_what_an_item_lacks_changes_nothing() -> None:
    alignment = JointAlignment({"contrastive": 1.0}, ("image", "text"), dim=4, learned=False)
    presence = {"image": torch.tensor([True, True, True, False, True, True]), "text": torch.tensor([True, True, True, True, True, False])}
    tokens, other = tokens_of("image", "text"), tokens_of("image", "text")
    other["image"][3], other["text"][3], other["image"][5], other["text"][5] = (torch.randn(4) for _ in range(4))
    torch.testing.assert_close(alignment(RETRIEVAL, tokens, presence), alignment(RETRIEVAL, other, presence))


@pytest.mark.parametrize("learned", [False, True])
def test_a_step_without_partners_is_retrieval_alone(learned: bool) -> None:
    nowhere = {"image": torch.zeros(6, dtype=torch.bool), "text": torch.ones(6, dtype=torch.bool)}
    alignment = JointAlignment({"contrastive": 1.0}, ("image", "text"), dim=4, learned=learned)
    torch.testing.assert_close(alignment(RETRIEVAL, tokens_of("image", "text"), nowhere), RETRIEVAL)


def test_learned_weights_start_where_the_fixed_ones_are() -> None:
    weights, tokens = {"contrastive": 0.5, "cosine": 2.0}, tokens_of("image", "text")
    fixed, learned = (JointAlignment(weights, ("image", "text"), dim=4, learned=how) for how in (False, True))
    torch.testing.assert_close(learned(RETRIEVAL, tokens, EVERYWHERE), fixed(RETRIEVAL, tokens, EVERYWHERE))


def test_a_learned_weight_settles_where_its_term_says() -> None:
    alignment = JointAlignment({"cosine": 1.0}, ("image", "text"), dim=4, learned=True)
    assert alignment.log_variances is not None
    optimizer = torch.optim.SGD([alignment.log_variances], lr=0.2)
    for _ in range(300):
        optimizer.zero_grad()
        alignment(RETRIEVAL, tokens_of("image", "text"), EVERYWHERE).backward()
        optimizer.step()
    assert alignment.log_variances[0].item() == pytest.approx(math.log(2), abs=1e-3)  # exp(-s) * 2 + s is least there


def test_a_term_below_zero_is_not_followed_for_ever() -> None:
    alignment = JointAlignment({"cosine": 1.0}, ("image", "text"), dim=4, learned=True)
    assert alignment.log_variances is not None
    optimizer = torch.optim.SGD([alignment.log_variances], lr=1.0)
    for _ in range(50):
        optimizer.zero_grad()
        loss = alignment(torch.tensor(-1.0), tokens_of("image", "text"), EVERYWHERE)
        loss.backward()
        optimizer.step()
    assert loss.item() > -math.exp(MOST_LOG_VARIANCE) - 2 * MOST_LOG_VARIANCE
