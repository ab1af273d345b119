import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.fetching.crowd import fetch_all


class Watch:
    """Fetches nothing, takes a moment for it, and remembers who was there at once."""

    def __init__(self, slow: str = "") -> None:
        self.slow, self.done = slow, list[tuple[str, int]]()
        self.busy: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.most_in_all = 0

    async def fetch(self, host: str, one: int) -> None:
        self.busy[host] += 1
        self.most[host] = max(self.most[host], self.busy[host])
        self.most_in_all = max(self.most_in_all, self.busy.total())
        await asyncio.sleep(0.05 if host == self.slow else 0)
        self.busy[host] -= 1
        self.done.append((host, one))


def fetch(watch: Watch, sizes: dict[str, int], *, concurrency: int, per_host: int) -> None:
    wanted = {host: iter(range(size)) for host, size in sizes.items()}
    asyncio.run(fetch_all(wanted, watch.fetch, concurrency=concurrency, per_host=per_host))


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9)),
    st.integers(1, 8),
    st.integers(1, 4),
)
def test_everything_is_fetched_once_and_no_limit_is_passed(sizes: dict[str, int], concurrency: int, per_host: int) -> None:
    watch = Watch()
    fetch(watch, sizes, concurrency=concurrency, per_host=per_host)
    assert sorted(watch.done) == [(host, one) for host in sorted(sizes) for one in range(sizes[host])]
    assert watch.most_in_all <= concurrency
    assert all(most <= per_host for most in watch.most.values())


def test_the_limits_are_used_to_the_full() -> None:
    watch = Watch()
    fetch(watch, {"a": 20, "b": 20, "c": 20}, concurrency=5, per_host=2)
    assert watch.most_in_all == 5
    assert watch.most["a"] == 2


def test_a_slow_host_holds_up_no_other() -> None:
    watch = Watch(slow="slow")
    fetch(watch, {"slow": 4, "quick": 40}, concurrency=8, per_host=2)
    assert [host for host, _ in watch.done[:40]] == ["quick"] * 40


def test_what_waits_is_not_taken_out_of_its_iterator() -> None:
    taken: list[int] = []

    async def fails_at_once(_host: str, _one: int) -> None:
        raise OSError("the disk is full")

    wanted = {"a": (taken.append(one) or one for one in range(1000))}
    with pytest.raises(OSError, match="the disk is full"):
        asyncio.run(fetch_all(wanted, fails_at_once, concurrency=4, per_host=2))
    assert len(taken) == 2


def test_where_one_fetch_raises_the_others_are_cancelled() -> None:
    cancelled: list[int] = []

    async def one_fails(_host: str, one: int) -> None:
        if one == 0:
            raise OSError("the disk is full")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(one)
            raise

    with pytest.raises(OSError, match="full"):
        asyncio.run(fetch_all({"a": iter(range(3))}, one_fails, concurrency=3, per_host=3))
    assert sorted(cancelled) == [1, 2]
