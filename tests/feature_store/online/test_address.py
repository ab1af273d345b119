import pytest

from feature_store.errors import OnlineStoreError
from feature_store.online.address import RedisAddress, redis_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://cache:6380/2", RedisAddress(host="cache", port=6380, database=2)),
        ("redis://cache", RedisAddress(host="cache")),
        ("redis://[::1]:6380/0", RedisAddress(host="::1", port=6380)),
        ("rediss://shop@cache/1", RedisAddress(host="cache", database=1, user="shop", tls=True)),
    ],
)
def test_an_address_is_read_and_written_again(url: str, address: RedisAddress) -> None:
    assert redis_address(url) == address
    assert redis_address(str(address)) == address


@pytest.mark.parametrize("url", ["redis://:hunter2@cache/0", "redis://shop:hunter2@cache/0", "redis://:hunter2/?#@cache"])
def test_a_password_in_an_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(OnlineStoreError, match="put the password into VITRINE_REDIS_PASSWORD") as told:
        redis_address(url)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    "place", ["redis://cache:6379/0?password=hunter2", "redis://cache/0#hunter2", "me:hunter2@cache:6379", "hunter2://"]
)
def test_nothing_is_repeated_of_what_is_no_address(place: str) -> None:
    with pytest.raises(OnlineStoreError, match="a password into VITRINE_REDIS_PASSWORD") as told:
        redis_address(place)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "memcached://cache",
        "redis://",
        "redis://cache/first",
        "redis://cache/-1",
        "redis://cache:none",
        "redis://cache?db=1",
        "redis://[::1",
    ],
)
def test_what_is_no_address_is_refused_with_the_form_it_should_have(url: str) -> None:
    with pytest.raises(OnlineStoreError, match="redis://HOST:PORT/DATABASE"):
        redis_address(url)
