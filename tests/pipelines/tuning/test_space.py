"""Which settings a search may come to."""

from dataclasses import replace

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.config import ConfigError
from pipelines.tuning.space import PARAMETERS, Choice, Range, Space, parameters_of, space_around
from recsys.training.config import RetrieverConfig

OWN = RetrieverConfig()


def space(base: RetrieverConfig = OWN, *only: str) -> Space:
    return space_around(base, OWN, parameters_of(only))


def test_everything_that_is_searched_is_a_setting_and_its_default_is_within_reach() -> None:
    for name, parameter in PARAMETERS.items():
        value = getattr(OWN, name)
        if isinstance(parameter, Choice):
            assert value in parameter.values
        else:
            assert parameter.low <= value <= parameter.high or (parameter.never and value == 0)


@pytest.mark.parametrize("half_life_days", [0.0, 60.0, 1095.0, 5000.0])
def test_params_of_settings_stand_for_these_settings(half_life_days: float) -> None:
    base = replace(OWN, half_life_days=half_life_days, dropout=1 / 3, embedding_dim=48)
    found = space(base)
    assert [found.settings(found.params(point)) for point in found.starting_points(OWN)] == found.starting_points(OWN)


def test_a_range_reaches_to_the_configs_own_value() -> None:
    assert space(replace(OWN, learning_rate=0.05), "learning_rate").parameters["learning_rate"] == Range(low=5e-4, high=0.05, log=True)


def test_a_vector_is_no_length_that_the_heads_cannot_share() -> None:
    (parameter,) = space(replace(OWN, heads=3, embedding_dim=48), "embedding_dim").parameters.values()
    assert parameter == Choice((96, 48, 64))  # 64 is the config's own, whatever its heads are


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_what_is_drawn_can_be_trained_and_is_drawn_again_as_the_same_settings(seed: int) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    drawn = space().suggest(study.ask())
    assert drawn.half_life_days == 0 or 90 <= drawn.half_life_days <= 3000
    assert isinstance(drawn.tokens_per_batch, int)
    assert space().settings(study.trials[0].params) == drawn
    assert set(space().changes(drawn)) <= set(PARAMETERS)


def test_the_first_point_changes_nothing_the_second_goes_back_to_the_config_and_each_other_changes_one_thing() -> None:
    found = space(replace(OWN, dropout=0.1, order="time"), "order", "dropout")
    changes = [found.changes(point) for point in found.starting_points(OWN)]
    assert changes == [{}, {"dropout": 0.3, "order": "both"}, {"order": "free"}, {"order": "both"}]


def test_what_cannot_be_searched_is_refused_with_what_can() -> None:
    with pytest.raises(ConfigError, match=r"no search for 'epochs'; what can be searched is order, next_events, half_life_days"):
        parameters_of(["order", "epochs"])
