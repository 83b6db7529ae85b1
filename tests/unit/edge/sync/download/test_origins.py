"""Checks the allowlist of image origins, against every spelling (hazards 46 and 60)."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.edge.sync.download.origins import ImageOrigins, Origin
from etalase.errors import PhotoError, Reason

HO = ImageOrigins.from_settings("http://ho.example:8002", [], "")


def origins(*entries: str, ho_url: str = "http://ho.example:8002", rewrite: str = "") -> ImageOrigins:
    """Returns the allowlist of these settings."""
    return ImageOrigins.from_settings(ho_url, list(entries), rewrite)


def refusal(allowed: ImageOrigins, image_url: str) -> str:
    """Returns the message that refuses ``image_url``."""
    with pytest.raises(PhotoError) as refused:
        allowed.resolve(image_url)
    assert refused.value.reason is Reason.ORIGIN_REFUSED
    return refused.value.detail


@pytest.mark.parametrize(
    ("image_url", "fetched"),
    [
        ("http://ho.example:9000/product-images/a.jpg?v=5cd6a73f", "http://ho.example:9000/product-images/a.jpg?v=5cd6a73f"),
        ("http://ho.example/a.jpg", "http://ho.example:80/a.jpg"),
        ("https://ho.example/a.jpg", "https://ho.example:443/a.jpg"),
        ("http://HO.Example:9000/A.jpg", "http://ho.example:9000/A.jpg"),
        ("http://ho.example.:9000/a.jpg", "http://ho.example.:9000/a.jpg"),
        ("http://ho.example:9000/a b/é.jpg?v=1", "http://ho.example:9000/a%20b/%C3%A9.jpg?v=1"),
        ("http://ho.example:9000/a%20b.jpg", "http://ho.example:9000/a%20b.jpg"),
        ("http://ho.example:9000/a.jpg#fragment", "http://ho.example:9000/a.jpg"),
        ("http://ho.example:9000/?X-Amz-Signature=ab%2Fc&x=1", "http://ho.example:9000/?X-Amz-Signature=ab%2Fc&x=1"),
        ("http://ho.example:9000", "http://ho.example:9000/"),
    ],
)
def test_head_offices_own_host_is_allowed_on_any_port(image_url: str, fetched: str) -> None:
    assert HO.resolve(image_url) == fetched


@pytest.mark.parametrize(
    "image_url",
    [
        # other places
        "http://evil.example/a.jpg",
        "http://ho.example.evil.example/a.jpg",
        "http://evil-ho.example/a.jpg",
        "http://xn--ho-.example/a.jpg",
        "http://localhost:9000/a.jpg",
        "http://169.254.169.254/latest/meta-data/",
        # this machine, in the spellings that programs accept
        "http://127.0.0.1/a.jpg",
        "http://127.1/a.jpg",
        "http://127.0.1/a.jpg",
        "http://2130706433/a.jpg",
        "http://0x7f000001/a.jpg",
        "http://0x7f.0.0.1/a.jpg",
        "http://0177.0.0.1/a.jpg",
        "http://017700000001/a.jpg",
        "http://127.0.0.1./a.jpg",
        "http://0/a.jpg",
        "http://[::1]/a.jpg",
        "http://[::]/a.jpg",
        "http://[::ffff:127.0.0.1]/a.jpg",
        "http://[::ffff:7f00:1]/a.jpg",
        "http://[0:0:0:0:0:ffff:7f00:0001]/a.jpg",
        "http://[64:ff9b::7f00:1]/a.jpg",
        "http://[2002:7f00:1::]/a.jpg",
        "http://[::127.0.0.1]/a.jpg",
        "http://[fe80::1%25eth0]/a.jpg",
        "http://[fe80::1%eth0]/a.jpg",
        # a user name, or a lookalike
        "http://ho.example@evil.example/a.jpg",
        "http://ho.example:9000@evil.example/a.jpg",
        "http://user:secret@ho.example/a.jpg",
        "http://@ho.example/a.jpg",
        "http://evil.example#@ho.example/a.jpg",
        "http://evil.example?@ho.example/a.jpg",
        "http://evil.example\\@ho.example/a.jpg",
        "http://ho.example\\@evil.example/a.jpg",
        "http:\\\\ho.example\\a.jpg",
        # other schemes, and texts that are not a URL
        "ftp://ho.example/a.jpg",
        "file:///etc/passwd",
        "file://ho.example/etc/passwd",
        "gopher://ho.example:6379/_FLUSHALL",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "//ho.example/a.jpg",
        "/a.jpg",
        "ho.example/a.jpg",
        "http:ho.example/a.jpg",
        "http:/ho.example/a.jpg",
        "http:///ho.example/a.jpg",
        "http://",
        "",
        # characters that one program skips and another does not
        " http://ho.example/a.jpg",
        "http://ho.example /a.jpg",
        "http://ho.example/a.jpg\r\nHost: evil.example",
        "http://ho.example\t/a.jpg",
        "http://ho.example/a\0.jpg",
        "http://ho。example/a.jpg",
        "http://ｈo.example/a.jpg",
        "http://ho.example%2eevil.example/a.jpg",
        "http://ho%2eexample/a.jpg",
        "http://ho..example/a.jpg",
        "http://.ho.example/a.jpg",
        "http://ho.example..:9000/a.jpg",
        "http://ho.example:/a.jpg",
        "http://ho.example:port/a.jpg",
        "http://ho.example:-1/a.jpg",
        "http://ho.example:123456/a.jpg",
        "http://ho.example:9000:80/a.jpg",
    ],
)
def test_any_other_spelling_of_any_other_origin_is_refused(image_url: str) -> None:
    assert refusal(HO, image_url).isprintable()


def test_a_refused_origin_is_reported_with_the_settings_that_would_allow_it() -> None:
    message = refusal(HO, "http://minio:9000/a.jpg")
    assert "minio:9000" in message
    assert "IMAGE_ORIGINS" in message
    assert "IMAGE_URL_REWRITE" in message


@pytest.mark.parametrize(
    ("entry", "allowed", "refused"),
    [
        ("minio", ["http://minio/a", "https://minio:9000/a"], ["http://minio2/a", "http://ho.example/a"]),
        ("minio:9000", ["http://minio:9000/a", "https://minio:9000/a"], ["http://minio/a", "http://minio:9001/a"]),
        ("https://minio", ["https://minio/a", "https://minio:443/a"], ["http://minio/a", "https://minio:9000/a"]),
        ("http://minio:9000/", ["http://minio:9000/a"], ["https://minio:9000/a"]),
        ("MINIO", ["http://minio/a"], []),
        ("10.1.2.3", ["http://10.1.2.3:9000/a"], ["http://10.1.2.4/a", "http://167838211/a", "http://10.1.515/a"]),
        ("[fd00::1]:9000", ["http://[fd00::1]:9000/a", "http://[fd00:0:0::0001]:9000/a"], ["http://[fd00::2]:9000/a"]),
        ("127.0.0.1", ["http://127.0.0.1:1/a"], ["http://localhost/a", "http://127.0.0.2/a"]),
    ],
)
def test_an_entry_of_the_allowlist_allows_its_own_origin(entry: str, allowed: list[str], refused: list[str]) -> None:
    listed = origins(entry)
    for image_url in allowed:
        assert listed.resolve(image_url)
    for image_url in refused:
        refusal(listed, image_url)


@pytest.mark.parametrize(
    "entry", ["*", "", "http://", "minio/path", "user@minio", "minio:99999999", "ftp://minio", "0x7f.1", "127.1", "a b", "[::1"]
)
def test_an_entry_that_is_not_an_origin_is_refused_at_start(entry: str) -> None:
    with pytest.raises(ValueError, match=r"origin|unusual"):
        Origin.parse(entry)


def test_the_origin_rewrite_finds_a_bucket_that_only_head_office_can_resolve() -> None:
    rewritten = origins("10.1.2.3:9000", rewrite="http://minio:9000=http://10.1.2.3:9000")
    assert rewritten.resolve("http://minio:9000/product-images/a.jpg?v=1") == "http://10.1.2.3:9000/product-images/a.jpg?v=1"


@pytest.mark.parametrize(
    "image_url", ["http://minio:90001/a.jpg", "http://minio:9000.evil.example/a.jpg", "http://minio:9000@evil.example/a.jpg"]
)
def test_the_origin_rewrite_applies_to_whole_origins_and_before_the_allowlist(image_url: str) -> None:
    refusal(origins("10.1.2.3:9000", rewrite="http://minio:9000=http://10.1.2.3:9000"), image_url)
    refusal(origins("other", rewrite="http://minio:9000=http://10.1.2.3:9000"), "http://minio:9000/a.jpg")


@pytest.mark.parametrize(
    "ho_url", ["http://[fd00::1]:8002", "http://[fd00::1]", "https://10.1.2.3", "http://ho.example:8002/ho"]
)
def test_without_an_allowlist_the_host_of_ho_url_is_allowed(ho_url: str) -> None:
    host = ho_url.split("//")[1].split("/", maxsplit=1)[0].removesuffix(":8002")
    assert origins(ho_url=ho_url).resolve(f"http://{host}:9000/a.jpg")


@given(st.text(max_size=30), st.sampled_from(["http://", "https://", "http://ho.example", "//", ""]))
def test_any_download_goes_to_an_allowed_host(text: str, start: str) -> None:
    try:
        url = HO.resolve(start + text)
    except PhotoError:
        return
    assert url.startswith(("http://ho.example:", "https://ho.example:", "http://ho.example.:", "https://ho.example.:"))
    assert url.isascii()
    assert url.isprintable()


# Addresses that an allowed name may resolve to


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.1.1", "172.16.0.1", "100.64.0.1", "203.0.113.5", "8.8.8.8"])
def test_public_and_private_addresses_are_allowed(address: str) -> None:
    assert HO.address_allowed(address)
    assert HO.address_allowed(f"::ffff:{address}")
    assert HO.address_allowed(f"64:ff9b::{address}")


@pytest.mark.parametrize("address", ["2001:db8::1", "fd00::1", "2a00:1450:4001::1"])
def test_public_and_private_ipv6_addresses_are_allowed(address: str) -> None:
    assert HO.address_allowed(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "240.0.0.1",
        "0.0.0.0",
        "::",
        "100::1",
        "not an address",
        "",
    ],
)
def test_addresses_that_no_head_office_has_are_never_contacted(address: str) -> None:
    for allowed in (HO, origins("localhost"), origins("169.254.169.254")):
        assert not allowed.address_allowed(address)


METADATA = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192"]
METADATA_IPV6 = ["fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe", "FD00:0EC2:0:0:0:0:0:0254"]


def carried(address: str) -> list[str]:
    """Yields an IPv4 address in each form that embeds it in IPv6."""
    number = int(ipaddress.IPv4Address(address))
    high, low = number >> 16, number & 0xFFFF
    return [
        address,
        f"::ffff:{address}",
        f"::{address}",
        f"::ffff:0:{address}",
        f"64:ff9b::{address}",
        f"64:ff9b:1::{address}",
        f"64:ff9b:1:{high:x}:{low >> 8:x}:{(low & 0xFF) << 8:x}::",
        f"2002:{high:x}:{low:x}::1",
    ]


@pytest.mark.parametrize("address", [form for plain in METADATA for form in carried(plain)] + METADATA_IPV6)
def test_the_metadata_address_of_a_cloud_is_never_contacted_even_if_allowlisted(address: str) -> None:
    named = f"[{address}]" if ":" in address else address
    for allowed in (HO, origins("localhost"), origins(named), origins("metadata.google.internal")):
        assert not allowed.address_allowed(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "100.100.100.201", "168.63.129.17", "192.0.2.1", "8.8.8.8"])
def test_other_addresses_are_allowed_in_each_form_that_a_network_may_translate_them_to(address: str) -> None:
    for form in carried(address)[:-1]:
        assert HO.address_allowed(form), form


LOOPBACK = ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "::127.0.0.1"]


@pytest.mark.parametrize("address", LOOPBACK)
def test_no_host_name_can_point_at_this_machine(address: str) -> None:
    assert not HO.address_allowed(address)
    assert not origins("10.1.2.3").address_allowed(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("entry", ["localhost", "127.0.0.1:9000", "[::1]:9000", "http://localhost:9000"])
def test_this_machine_is_contacted_if_allowlisted(entry: str, address: str) -> None:
    assert origins(entry).address_allowed(address)
