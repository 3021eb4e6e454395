"""Whether a class may be opened on this machine, and what its phones are told: the address that is typed, and the code."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from engine.classroom import classes, lessons
from engine.classroom.classes import Opened
from engine.core import paths
from engine.core.errors import ClassError, EngineError

MOST_TYPED = 25  # characters of an address that is typed on a phone
ADDRESS = "c"  # of the phones' page, below the server's; short, since it is typed
_CLOUD = PurePath("/mount/src")  # where Streamlit Community Cloud puts an application


@dataclass(frozen=True)
class Invitation:
    """A class that was opened.

    Attributes:
        join: what is typed on a phone, the shortest first; empty where no phone can reach the server. teacher: her own link.
    """

    opened: Opened
    join: tuple[str, ...]
    teacher: str


def refusal() -> EngineError | None:
    """Why no class may be opened on this machine; None where one may."""
    place = None
    if PurePath(paths.PROJECT).is_relative_to(_CLOUD):
        place = "Streamlit Community Cloud"
    elif os.environ.get("SPACE_ID"):
        place = "Hugging Face Spaces"
    elif os.environ.get("COLAB_RELEASE_TAG"):
        place = "Google Colab"
    if place is None:
        return None
    return ClassError(
        "Classes with phones are off here: {place} is a public server, and a class's answers stay on the school's own "
        "machines. Start Atelier on the teacher's computer, or use the cards A to E.",
        place=place,
    )


def open_class(lesson: str, language: str, addresses: Iterable[str]) -> Invitation:
    """Opens a class whose lesson is whole.

    Args:
        addresses: of the server, `http://192.168.1.5:8501`; those of this machine alone lead no phone here.

    Raises:
        LessonError: a text of the lesson is wrong. ClassError: no class may be opened here.
    """
    if (refused := refusal()) is not None:
        raise refused
    lessons.load(lesson)
    addresses = list(addresses)
    opened = classes.open_class(lesson, language)
    return Invitation(opened, join_addresses(addresses), f"{addresses[0]}/{ADDRESS}/teacher/{opened.key}")


def page(address: str) -> str:
    """One of `join_addresses` with its scheme, as a camera opens it."""
    return address if "://" in address else f"http://{address}"


def in_full(address: str, code: str) -> str:
    """The same with the class's code."""
    return f"{page(address)}/{code}"


def join_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """What is typed on a phone to come to the server's addresses."""
    found = [
        f"{address.removeprefix('http://')}/{ADDRESS}"
        for address in addresses
        if address.partition("://")[2].rpartition(":")[0].strip("[]") not in ("localhost", "127.0.0.1", "::1")
    ]
    return tuple(sorted(found, key=len))
