"""The rooms of the lab and their tabs: what they are called, in addresses and in words, and the pages to link to."""

from streamlit.navigation.page import Page

from ui.i18n import _

LAB, LESSON, TRAIN, EXPLORE, LIBRARY = "lab", "lesson", "train", "explore", "library"
CURVE, TIME, WRITE, WORDS, COPIED, SCORE = "curve", "time", "write", "words", "copied", "score"
RUNS, CHECKPOINTS, ARTICLES = "runs", "checkpoints", "articles"

# A room → its tabs, the first of which is shown where nobody chose.
ROOMS: dict[str, tuple[str, ...]] = {
    LAB: (),
    LESSON: (),
    TRAIN: (),
    EXPLORE: (CURVE, TIME, WRITE, WORDS, COPIED, SCORE),
    LIBRARY: (RUNS, CHECKPOINTS, ARTICLES),
}
ICONS = {
    LAB: ":material/science:",
    LESSON: ":material/school:",
    TRAIN: ":material/tune:",
    EXPLORE: ":material/travel_explore:",
    LIBRARY: ":material/local_library:",
}
PAGES: dict[str, Page] = {}  # by the code of their room, for links; filled whenever the frame is shown


def title(room: str) -> str:
    """What a room is called."""
    return {
        LAB: _("Lab"),
        LESSON: _("Lesson"),
        TRAIN: _("Train"),
        EXPLORE: _("Explore"),
        LIBRARY: _("Library"),
    }[room]


def tab_title(tab: str) -> str:
    """What a tab is called."""
    return {
        CURVE: _("Curve"),
        TIME: _("Time"),
        WRITE: _("Write"),
        WORDS: _("Words"),
        COPIED: _("Copied"),
        SCORE: _("Score"),
        RUNS: _("Runs"),
        CHECKPOINTS: _("Checkpoints"),
        ARTICLES: _("Articles"),
    }[tab]


def room_of(tab: str) -> str:
    """The room in which a tab is."""
    return next(room for room, tabs in ROOMS.items() if tab in tabs)
