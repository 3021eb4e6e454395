"""What there is: runs beside one another, their checkpoints, and the articles."""

from ui import frame

frame.within()

from ui import rooms, tabs
from ui.library import articles, checkpoints, runs

tabs.show(
    rooms.LIBRARY,
    {rooms.RUNS: runs.show, rooms.CHECKPOINTS: checkpoints.show, rooms.ARTICLES: articles.show},
)
