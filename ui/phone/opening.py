"""Opens a class from the dashboard: for the owner alone, on a machine of the school's."""

from engine.classroom import opening
from engine.classroom.opening import Invitation
from engine.core.errors import ClassError
from ui import access, network


def open_class(lesson: str, language: str) -> Invitation:
    """Opens a class: the address and the code that phones type, and the teacher's own link.

    Raises:
        ClassError: this session is not the owner's, or no class may be opened here. LessonError: a text is wrong.
    """
    if not access.is_owner():
        raise ClassError("Only the owner opens a class: type her code in the sidebar first.")
    return opening.open_class(lesson, language, network.addresses())


def reachable() -> bool:
    """Whether a phone can reach this server at all: it listens on more than this machine's own address."""
    return bool(opening.join_addresses(network.addresses()))
