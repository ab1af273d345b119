"""Connections to addresses that were checked, and to no others.

The name is resolved, each address is held against the rule, and the connection goes to that very address, so a name that resolves to
something else a moment later (DNS rebinding) gains nothing. The host name stays what the certificate and the Host header are about.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address

import httpcore

from pipelines.fetching.addresses import AddressRule
from pipelines.fetching.errors import FetchError

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host name, best first; raises OSError where there are none."""


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """What the machine's own resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Opens the connections of a pool.

    Args:
        rule: What may be connected to.
        resolve: How names become addresses.
    """

    def __init__(self, rule: AddressRule, resolve: Resolve = resolve_by_system) -> None:
        self._rule, self._resolve, self._plain = rule, resolve, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first allowed address that answers.

        Raises:
            FetchError: The rule refuses every address of the host.
            httpcore.ConnectError: The name has no address, or none answers.
            httpcore.ConnectTimeout: That took longer than `timeout` seconds.
        """
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in await self._allowed(host, port, timeout):
            try:
                return await self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _allowed(self, host: str, port: int, limit_s: float | None) -> list[str]:
        try:
            found = await asyncio.wait_for(self._resolve(host, port), limit_s)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from error
        except (OSError, UnicodeError) as error:  # the second: a label of more than 63 letters
            raise httpcore.ConnectError("the name cannot be resolved") from error
        refusals = {address: self._rule(ip_address(address)) for address in found}
        allowed = [address for address, refusal in refusals.items() if not refusal]
        if refusals and not allowed:
            told = ", ".join(f"{address} is {refusal}" for address, refusal in refusals.items())
            raise FetchError(f"address: {told}; see [fetch_images] allow_private_addresses")
        return allowed
