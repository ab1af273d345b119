import torch

from recsys.data.tensors import ItemBatch
from recsys.models.knowledge_bags import KnowledgeBags

GRAPES = torch.tensor([[1, 2], [2, 0], [0, 0]])
REGION = torch.tensor([[3], [1], [2]])


def items_with(*, present: tuple[bool, ...] = (True, True, True), grapes: torch.Tensor = GRAPES) -> ItemBatch:
    number = torch.arange(3)
    told = {"knowledge": torch.tensor(present)}
    return ItemBatch(number, number >= 0, {}, told, torch.zeros((3, 1), dtype=torch.long), {"grapes": grapes, "region": REGION})


def bags() -> KnowledgeBags:
    torch.manual_seed(0)
    return KnowledgeBags({"grapes": 2, "region": 3}, 4, spread=1.0)


def test_an_item_has_the_mean_of_its_entities_and_zero_where_it_has_none() -> None:
    knowledge = bags()
    means, counts = knowledge(items_with().told_entities())
    grapes = knowledge.collection.embedding_bags["relation_0"].weight
    torch.testing.assert_close(means[0, 0], (grapes[0] + grapes[1]) / 2)
    torch.testing.assert_close(means[1, 0], grapes[1])
    assert counts.tolist() == [[2, 1], [1, 1], [0, 1]]
    assert (means[2, 0] == 0).all()


def test_training_and_inference_give_the_same_numbers() -> None:
    knowledge = bags()
    pooled, gathered = (knowledge.train(mode)(items_with().told_entities())[0] for mode in (True, False))
    torch.testing.assert_close(pooled, gathered)


def test_entities_of_items_learn_and_no_others() -> None:
    knowledge = bags()
    knowledge(items_with(grapes=torch.tensor([[2, 0], [2, 0], [0, 0]])).told_entities())[0].square().sum().backward()
    gradient = knowledge.collection.embedding_bags["relation_0"].weight.grad
    assert (gradient.abs().sum(dim=1) > 0).tolist() == [False, True]


def test_an_entity_that_no_table_knows_does_not_count() -> None:
    for mode in (True, False):
        knowledge = bags().train(mode)
        known = knowledge(items_with().told_entities())
        unknown = knowledge(items_with(grapes=torch.tensor([[1, 2, 9], [2, 7, 0], [3, 0, 0]])).told_entities())
        for first, second in zip(known, unknown, strict=True):
            torch.testing.assert_close(first, second)


def test_hidden_knowledge_says_nothing() -> None:
    means, counts = bags()(items_with(present=(True, False, True)).told_entities())
    assert counts[1].tolist() == [0, 0]
    assert (means[1] == 0).all()
