"""The run in view, held against another model: how it came to be, what it writes, what it knows."""

from ui import frame

frame.within()

from ui import rooms, tabs
from ui.explore import copied, curve, score, time, words, write

tabs.show(
    rooms.EXPLORE,
    {
        rooms.CURVE: curve.show,
        rooms.TIME: time.show,
        rooms.WRITE: write.show,
        rooms.WORDS: words.show,
        rooms.COPIED: copied.show,
        rooms.SCORE: score.show,
    },
)
