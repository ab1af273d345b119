"""How ranks find those that were started with them.

torchrun keeps one store for all its restarts and parts them by nothing, so a rank may read in it where a dead one could be reached, and
wait for it in vain (torch 2.13: every second restart). So the ranks of each start agree on a corner of the store.
"""

import time
import uuid

from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

SECONDS_BETWEEN_LOOKS = 0.05


def meet() -> tuple[Store, int, int]:
    """A store that only the ranks of this start use, the number of this rank, and how many there are."""
    store, rank, size = next(rendezvous("env://"))
    name = uuid.uuid4().hex
    if rank == 0:
        _welcome(store, name, set(range(1, size)))
    else:
        store.set(f"hello/{rank}", name)
        name = store.get(f"welcome/{name}").decode()  # waits for it
        store.set(f"met/{name}/{rank}", "")
    return PrefixStore(name, store), rank, size


def _welcome(store: Store, name: str, missing: set[int]) -> None:
    """Tell all others the name of this start; whoever said hello in an earlier one will not answer."""
    while missing:
        for rank in sorted(missing):
            if store.check([f"hello/{rank}"]):
                store.set(f"welcome/{store.get(f'hello/{rank}').decode()}", name)
            if store.check([f"met/{name}/{rank}"]):
                missing.remove(rank)
        time.sleep(SECONDS_BETWEEN_LOOKS)
