"""A Plotly figure that is redrawn in place: zoom is kept and nothing flickers while its data grow.

`st.plotly_chart` makes a new element whenever its data change (streamlit#8782); this component calls `Plotly.react` on
the one that stands. The library is the file that comes with the plotly package, served by a route of the application.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import plotly
import plotly.graph_objects as go
import streamlit as st
from plotly.io.json import to_json_plotly
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ui import network, present, tables
from ui.charts import described, style
from ui.i18n import _, language

_LIBRARY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
ADDRESS = "_atelier/plotly.min.js"
_served = False

LOADER = Path(__file__).with_name("library.js").read_text(encoding="utf-8")
_JS = LOADER + Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_component: Callable[..., Any] | None = None


def _figure_component() -> Callable[..., Any]:
    global _component
    if _component is None:
        _component = st.components.v2.component(
            "atelier_figure", html='<div class="figure" style="width:100%"></div>', js=_JS, isolate_styles=False
        )
    return _component


async def _library(request: Request) -> Response:
    return FileResponse(_LIBRARY, media_type="text/javascript", headers={"Cache-Control": "public, max-age=86400"})


def routes() -> list[Route]:
    """The route of the plotting library; whoever asks for it tells that it is served."""
    global _served
    _served = True
    return [Route(path, _library) for path in network.below_server(ADDRESS)]


_MOST_CACHED = 256  # figures; some 10 kB each, as objects ten times that
T = TypeVar("T")
_cache: OrderedDict[Hashable, "_Entry"] = OrderedDict()
_cache_lock = threading.Lock()


class _Entry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.version = -1
        self.built: Any = None


def once(build: Callable[[], T], of: Hashable, version: int = 0) -> T:
    """What the first session builds that asks for this version; all others whose figures have the same template take it."""
    key = (of, language(), style.template())
    with _cache_lock:
        entry = _cache.setdefault(key, _Entry())
        _cache.move_to_end(key)
        while len(_cache) > _MOST_CACHED:
            _cache.popitem(last=False)
    with entry.lock:
        if entry.version < version:
            entry.built, entry.version = build(), version
        built: T = entry.built
        return built


def content(build: Callable[[], go.Figure], of: Hashable, version: int) -> tuple[str, str]:
    """A figure as JSON, with its template, and in words: built once for all sessions of a language."""

    def as_json() -> tuple[str, str]:
        figure = build()
        drawn = _as_dict(figure)
        drawn["layout"]["template"] = style.template_content(style.template())
        return to_json_plotly(drawn), described.sentence(figure)

    return once(as_json, ("content", of), version)


def cached(build: Callable[[], go.Figure], *of: Hashable) -> go.Figure:
    """Builds a figure of what never changes, once for all sessions of a language; those who show it do not change it.

    Args:
        of: what it shows: its kind, the hash of its data, and what else it depends on.
    """
    return once(build, ("figure", of))


def chart(drawn: go.Figure, key: str, config: dict[str, Any] | None = None) -> None:
    """Draws a figure as Streamlit does, with what it shows in words, and as a table where somebody asks for it."""
    if _served and present.on():  # where the component makes it as large as the screen has room
        _draw({"figure": to_json_plotly(_as_dict(drawn)), "alt": described.sentence(drawn), "picture": ""}, key)
        return
    st.plotly_chart(drawn, theme="streamlit", key=key, alt=described.sentence(drawn), config=config)
    as_table(lambda: drawn, key)


def as_table(build: Callable[[], go.Figure], key: str) -> None:
    """What a figure draws as a table, folded away, and computed when it is opened; not where it is presented."""
    if present.on():
        return
    folded = st.expander(_("The figure as a table"), type="compact", key=f"table_of_{key}", on_change="rerun")
    if folded.open:
        with folded:
            tables.show(described.table(build()))


def figure(drawn: go.Figure, key: str, picture: str = "") -> None:
    """Draws a figure that keeps its zoom while its data grow; as an ordinary chart where the route is not served.

    Args:
        picture: the name of the file that its camera saves, three times as fine as the screen; "" = no camera.
    """
    if not _served:
        camera = {"format": "png", "filename": picture, "scale": 3}
        config = {"displaylogo": False, "displayModeBar": bool(picture), "toImageButtonOptions": camera}
        st.plotly_chart(drawn, theme="streamlit", key=key, config=config, alt=described.sentence(drawn))
    else:
        shown = "" if present.on() else picture
        _draw({"figure": to_json_plotly(_as_dict(drawn)), "alt": described.sentence(drawn), "picture": shown}, key)
    as_table(lambda: drawn, key)


def _as_dict(drawn: go.Figure) -> dict[str, Any]:
    found: dict[str, Any] = drawn.to_dict()
    return style.from_afar(found) if present.on() else found


def _draw(data: dict[str, str], key: str) -> None:
    _figure_component()(data={"address": ADDRESS, "fills": present.on(), **data}, key=key)


def shared(build: Callable[[], go.Figure], of: Hashable, version: int, key: str) -> None:
    """Draws a figure as `figure` does, one that is the same for all sessions of a language, and is built once for them.

    Args:
        build: makes the figure, without a template.
        of: what it shows. version: of its data; never goes back.
    """
    if not _served:
        figure(build().update_layout(template=style.template()), key)
        return
    drawn, alt = content(build, of, version)
    _draw({"figure": drawn, "alt": alt, "picture": ""}, key)
    as_table(build, key)
