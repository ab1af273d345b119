"""Which network addresses photos may come from: a feed must not make the night ask the shop's own network."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
AddressRule = Callable[[Address], str]
"""What is wrong with an address, in a word; empty: it may be asked."""

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")


def public_only(address: Address) -> str:
    """Refuse whatever is not a public unicast address, also where IPv6 wraps an IPv4 address (mapped, 6to4, NAT64)."""
    address = _unwrapped(address)
    kinds = {
        "unspecified": address.is_unspecified,
        "loopback": address.is_loopback,
        "link-local": address.is_link_local,
        "multicast": address.is_multicast,
        "private": address.is_private,
        "reserved": address.is_reserved or not address.is_global,
        "outside the global unicast range": address.version == 6 and address not in GLOBAL_UNICAST,
    }
    return next((kind for kind, holds in kinds.items() if holds), "")


def any_address(_address: Address) -> str:
    """Refuse nothing."""
    return ""


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address
