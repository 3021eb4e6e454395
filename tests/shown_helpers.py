"""Everything that a page shows in words, from what it sends to the browser: labels, sentences, cells of tables, figures."""

import json
import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

# Fields that the browser needs and nobody reads.
_UNREAD = re.compile(r"(^|_)(id|ids|key|url|path|icon|format|type|mime|color|css|js|html_content|js_content|css_content|"
                     r"script|uuid|styles|theme|config|use_container|query|bind|rel|value_type|group|spec|data|json|mixed)($|_)")  # fmt: skip
_OF_FIGURES = ("text", "name", "title", "hovertemplate", "ticktext", "x", "y", "label")


def of(app: AppTest) -> list[str]:
    """The texts of a page and of the sidebar; what models and authors wrote (`st.text`, `st.code`) is left out."""
    return [text for tree in (app.main, app.sidebar) for text in _of_node(tree) if text.strip()]


def _of_node(node: Any) -> Iterator[str]:
    if isinstance(node, Block):
        if node.proto is not None:
            yield from _of_message(node.proto)
        for child in node.children.values():
            yield from _of_node(child)
        return
    proto = node.proto
    kind = node.type
    if kind in ("arrow_data_frame", "dataframe", "table"):
        yield from _of_table(proto)
    elif kind == "plotly_chart":
        yield from _of_figure(json.loads(proto.plotly_chart.spec if hasattr(proto, "plotly_chart") else proto.spec))
    elif kind == "bidi_component":
        yield from _of_component(proto.bidi_component if hasattr(proto, "bidi_component") else proto)
    elif kind not in ("text", "code", "graphviz_chart"):
        yield from _of_message(proto)


def _of_message(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if _UNREAD.search(field.name):
            continue
        for item in value if field.is_repeated else [value]:
            if isinstance(item, str):
                yield item
            elif isinstance(item, Message):
                yield from _of_message(item)


def _of_table(proto: Any) -> Iterator[str]:
    """Titles and cells; a number without a text of its own, which a browser writes as it likes, as `1.5 (no text)`."""
    raw = convert_arrow_bytes_to_pandas_df(proto.arrow_data.data)
    cells = proto.arrow_data.styler.display_values
    styled = convert_arrow_bytes_to_pandas_df(cells) if cells else None
    for name, column in json.loads(proto.columns or "{}").items():
        if not name.startswith("_"):
            yield from filter(None, (column.get("label"), column.get("help")))
    for at, name in enumerate(raw.columns):
        for row, value in enumerate(raw[name]):
            if styled is not None:
                yield str(styled.iat[row, at])
            elif not isinstance(value, str) and value is not None and not proto.editing_mode:
                yield f"{float(value):f} (no text)"
            elif isinstance(value, str):
                yield value


def _of_figure(figure: dict[str, Any]) -> Iterator[str]:
    separators = figure["layout"].get("template", {}).get("layout", {}).get("separators", ".,")
    yield f"separators {separators}"
    yield from (part["text"] for part in figure["layout"].get("annotations", ()))
    for parts in (*figure["data"], figure["layout"], *(v for k, v in figure["layout"].items() if "axis" in k)):
        for name in _OF_FIGURES:
            value = parts.get(name)
            value = value.get("text") if isinstance(value, dict) else value
            yield from (v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))


def _of_component(proto: Any) -> Iterator[str]:
    if proto.json and not proto.component_name.endswith("history"):
        yield from _of_json(json.loads(proto.json))


def _of_json(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _of_json(item)
    elif isinstance(value, dict):
        if str(value.get("figure", "")).startswith("{"):
            yield from _of_figure(json.loads(value["figure"]))
            return
        for name, item in value.items():
            if name not in ("pieces", "alternatives", "colours", "colour", "legend", "address", "decimal"):
                yield from _of_json(item)
