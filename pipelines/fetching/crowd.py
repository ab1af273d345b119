"""Many things fetched at once: so many in all, so many from one host, the hosts in turn."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TypeVar

Wanted = TypeVar("Wanted")


async def fetch_all(
    wanted: Mapping[str, Iterator[Wanted]], fetch: Callable[[str, Wanted], Awaitable[None]], *, concurrency: int, per_host: int
) -> None:
    """Fetch everything; what waits costs no task, and a host that is slow holds up `per_host` of them and itself.

    Args:
        wanted: By host.
        fetch: Fetches one thing from a host; what it raises ends everything.
        concurrency: At once, at most.
        per_host: At once from one host, at most.
    """
    ready = deque(wanted)  # hosts that may have something left and are below their limit
    busy: Counter[str] = Counter()
    under_way: dict[asyncio.Task[None], str] = {}
    try:
        while ready or under_way:
            while ready and len(under_way) < concurrency:
                host = ready.popleft()
                for one in wanted[host]:
                    under_way[asyncio.ensure_future(fetch(host, one))] = host
                    busy[host] += 1
                    if busy[host] < per_host:
                        ready.append(host)
                    break
            if not under_way:
                return
            done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                host = under_way.pop(task)
                if busy[host] == per_host:
                    ready.append(host)
                busy[host] -= 1
                task.result()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
