"""The address of a page as a phone in the same room can open it, and as a picture that its camera reads."""

import ipaddress
from urllib.parse import urlsplit

import segno

from ui import access, network

LONGEST = 600  # bytes of an address: above it the squares are too small for a camera a few metres away


def reachable(url: str) -> str | None:
    """The address by which others reach the page that was opened by `url`; None where nobody but this machine does."""
    opened = urlsplit(url)
    if not _is_this_machine(opened.hostname or ""):
        return url
    if access.is_local():
        return None
    others = (urlsplit(one) for one in network.addresses())
    other = next((one for one in others if not _is_this_machine(one.hostname or "")), None)
    return None if other is None else opened._replace(scheme=other.scheme, netloc=other.netloc).geturl()


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified


def picture(url: str) -> str:
    """The QR code of an address as a data URI of SVG, dark on white in every theme, with the margin that cameras need.

    Raises:
        ValueError: it is too long to be read.
    """
    if len(url.encode()) > LONGEST:
        raise ValueError(len(url))
    found: str = segno.make(url, error="m", micro=False).svg_data_uri(scale=8, border=4, dark="#000", light="#fff")
    return found
