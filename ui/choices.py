"""What a widget has chosen may be deleted by anybody meanwhile: a sentence says so, and the page goes on."""

from engine.core.errors import EngineError
from ui import errors


def say_gone(name: str) -> None:
    """Says that what was chosen by that name is gone."""
    errors.show(EngineError("{name} has been deleted meanwhile: another stands in its place; choose.", name=name))
