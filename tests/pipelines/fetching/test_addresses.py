from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.fetching.addresses import any_address, public_only


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        ("8.8.8.8", ""),
        ("2606:4700::1111", ""),
        ("127.0.0.1", "loopback"),
        ("127.255.0.9", "loopback"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.0.1", "private"),
        ("100.64.0.1", "reserved"),  # shared address space of providers
        ("169.254.169.254", "link-local"),  # where clouds tell machines their credentials
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "private"),
        ("255.255.255.255", "private"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fc00::1", "private"),
        ("fec0::1", "outside the global unicast range"),
        ("ff02::1", "multicast"),
        ("2001:db8::1", "private"),  # documentation
        ("2001::1", "private"),  # Teredo
        ("::7f00:1", "reserved"),  # IPv4-compatible
    ],
)
def test_only_public_unicast_addresses_may_be_asked(address: str, refusal: str) -> None:
    assert public_only(ip_address(address)) == refusal


@pytest.mark.parametrize(
    ("wrapped", "refusal"),
    [
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:8.8.8.8", ""),
        ("2002:a00:1::", "private"),  # 6to4 of 10.0.0.1
        ("64:ff9b::a00:1", "private"),  # NAT64 of 10.0.0.1
        ("64:ff9b::808:808", ""),  # NAT64 of 8.8.8.8
    ],
)
def test_an_ipv4_address_inside_an_ipv6_one_is_judged_as_itself(wrapped: str, refusal: str) -> None:
    assert public_only(ip_address(wrapped)) == refusal


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_that_is_not_global_is_never_let_through(address: IPv4Address) -> None:
    assert public_only(address) or (address.is_global and not address.is_multicast)


@given(st.ip_addresses(v=4))
def test_mapping_to_ipv6_changes_no_verdict(address: IPv4Address) -> None:
    assert public_only(IPv6Address(f"::ffff:{address}")) == public_only(address)


def test_where_private_addresses_are_allowed_nothing_is_refused() -> None:
    assert any_address(ip_address("127.0.0.1")) == ""
