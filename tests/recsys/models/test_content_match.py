import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.tensors import ItemBatch
from recsys.models.content_match import ContentMatch


def items_like(vectors: torch.Tensor, *, present: torch.Tensor, has_id: torch.Tensor | None = None) -> ItemBatch:
    count = len(vectors)
    return ItemBatch(
        torch.arange(count),
        torch.ones(count, dtype=torch.bool) if has_id is None else has_id,
        {"text": vectors},
        {"text": present},
        torch.zeros((count, 2), dtype=torch.long),
    )


@given(seed=st.integers(0, 1000))
def test_before_training_it_is_a_search_by_cosine(seed: int) -> None:
    vectors = torch.randn(5, 6, generator=torch.Generator().manual_seed(seed))
    match = ContentMatch(content_dims={"text": 6}, num_categories=None, relations={}, match_dim=16)
    found = match(items_like(vectors, present=torch.ones(5, dtype=torch.bool)))
    torch.testing.assert_close(found @ found.T, vectors @ vectors.T / 6)  # prepared vectors are as long as the root of their dimension


def test_what_is_absent_matches_nothing_and_leaves_the_other_modality_alone() -> None:
    present = torch.tensor([True, False])
    match = ContentMatch(content_dims={"text": 4}, num_categories=3, relations={}, match_dim=4)
    items = items_like(torch.randn(2, 4), present=present)
    items.categories[:] = torch.tensor([2, 0])
    found = match(items)
    assert match.dim == 8
    assert (found[1, :4] == 0).all()
    torch.testing.assert_close(found[0, 4:], found[1, 4:])
    assert found[0, :4].abs().sum() > 0


def test_without_an_id_each_modality_has_a_worth_of_its_own() -> None:
    match = ContentMatch(content_dims={"text": 4}, num_categories=3, relations={}, match_dim=4)
    with torch.no_grad():
        match.alone.copy_(torch.tensor([2.0, 3.0]))
    vectors = torch.randn(1, 4).expand(2, -1)
    items = items_like(vectors, present=torch.ones(2, dtype=torch.bool), has_id=torch.tensor([True, False]))
    items.categories[:] = torch.tensor([2, 1])
    found = match(items).detach().numpy()
    np.testing.assert_allclose(found[1], found[0] * ([2.0] * 4 + [3.0] * 4), rtol=1e-6)


def test_switched_off_it_has_no_coordinates() -> None:
    match = ContentMatch(content_dims={"text": 4}, num_categories=3, relations={}, match_dim=0)
    assert match(items_like(torch.randn(2, 4), present=torch.ones(2, dtype=torch.bool))).shape == (2, 0)
