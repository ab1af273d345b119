import hashlib
import hmac

import polars as pl
import pytest

from feature_store.user_names import KEY_VARIABLE, UserKeyError, UserNames, user_names

KEY = "k" * 32


def test_a_pseudonym_is_the_first_half_of_the_hmac_of_the_id() -> None:
    expected = hmac.new(KEY.encode(), b"alice", hashlib.sha256).hexdigest()[:32]
    assert UserNames(KEY.encode()).of("alice") == f"p_{expected}"


def test_without_a_key_users_go_by_the_shops_own_ids() -> None:
    assert user_names(pseudonyms=False, environment={KEY_VARIABLE: KEY}).of("alice") == "alice"


def test_a_pseudonym_is_its_own_pseudonym() -> None:
    names = UserNames(KEY.encode())
    assert names.of(names.of("alice")) == names.of("alice")


def test_another_key_gives_other_names_and_another_key_id() -> None:
    one, other = UserNames(b"1" * 32), UserNames(b"2" * 32)
    assert one.of("alice") != other.of("alice")
    assert one.key_id != other.key_id


def test_a_column_is_named_as_each_of_its_ids_and_null_stays_null() -> None:
    names = UserNames(KEY.encode())
    column = names.of_all(pl.Series("user_id", ["a", None, "b", "a"]))
    assert column.to_list() == [names.of("a"), None, names.of("b"), names.of("a")]


@pytest.mark.parametrize(("environment", "found"), [({}, "is not set"), ({KEY_VARIABLE: "short"}, "has 5 characters")])
def test_without_a_key_that_can_be_used_it_says_what_to_do(environment: dict[str, str], found: str) -> None:
    with pytest.raises(UserKeyError, match=f"{KEY_VARIABLE} {found}; at least 32 are wanted"):
        user_names(pseudonyms=True, environment=environment)


def test_the_key_is_in_no_text_of_the_object() -> None:
    assert KEY not in repr(UserNames(KEY.encode()))
