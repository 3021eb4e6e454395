"""Present on a projector, and what Share saves: only a browser shows either."""

import csv
import io
import shutil

import pytest
from browser_helpers import until_drawn
from project import PROJECT
from waiting_helpers import until

from scripts.dashboard import Dashboard

pytestmark = pytest.mark.browser
# The sizes of text in elements that hold text of their own, and in figures; what lies beside or below what is in view.
MEASURE = """() => {
    const main = document.querySelector('[data-testid="stMain"]'), shown = (node) => node.offsetParent;
    const size = (node) => parseFloat(getComputedStyle(node).fontSize);
    const texts = [...main.querySelectorAll("*")].filter((node) => shown(node) && !node.closest("svg")
        && [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())
        && !node.dataset.testid?.includes("Icon"));
    const bar = document.querySelector(".st-key-present_bar").getBoundingClientRect();
    const plots = [...document.querySelectorAll(".js-plotly-plot")].filter(shown);
    return {
        small: texts.filter((node) => size(node) < 28).map((node) => [node.textContent.slice(0, 40), size(node)]),
        wide: Math.max(main.scrollWidth - main.clientWidth, document.documentElement.scrollWidth - innerWidth),
        bar: [bar.left, bar.right, bar.bottom, bar.height],
        plots: plots.map((plot) => {
            const box = plot.getBoundingClientRect();
            return [box.left, box.top, box.right, box.bottom - bar.top];
        }),
        labels: plots.flatMap((plot) => [...plot.querySelectorAll("svg text")].filter((t) => t.textContent.trim()).map(size)),
    };
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server for all interfaces, with the recorded run; its address."""
    runs = tmp_path_factory.mktemp("present") / "checkpoints"
    shutil.copytree(PROJECT / "checkpoints" / "recorded-mini", runs / "recorded-mini")
    with Dashboard(runs, ATELIER_STUDIO_IDLE_SECONDS="5", STREAMLIT_SERVER_ADDRESS="") as dashboard:
        yield f"{dashboard.address}/explore?tab=curve&run=recorded-mini"


def drawn(page) -> None:
    until_drawn(page)
    until(lambda: page.locator('[data-stale="true"]').count() == 0, 20)


def the_screen(page, number: int) -> None:
    page.locator(".st-key-present_bar").get_by_text(f"{number} / ").wait_for(timeout=30_000)
    drawn(page)


def test_what_is_presented_is_read_from_afar_and_nothing_of_it_is_cut(browser, server):
    """1280 x 720, and the same projector at a zoom of 150 %: 853 x 480."""
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-GB")
    page.goto(server)
    drawn(page)  # a press while the page is drawn may be lost
    page.get_by_role("button", name="Present").click()
    seen = 0
    for number in range(1, 5):
        the_screen(page, number)
        for width, height in ((853, 480), (1280, 720)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(400)  # a figure follows the window after a tenth of a second

            def found(width=width, height=height):
                now = page.evaluate(MEASURE)
                inside = all(a >= 0 and b >= 0 and c <= width and d <= 1 for a, b, c, d in now["plots"])
                return now if inside and now["bar"][:3] == [0, width, height] else None

            now = until(found, 10)
            assert now["small"] == [] and now["wide"] <= 0, (number, width, now)
            assert all(size >= 20 for size in now["labels"]), now["labels"]
            seen += len(now["plots"])
            assert len(now["plots"]) <= 1
        page.keyboard.press("PageDown")
    assert seen == 4  # two screens of them hold a figure, looked at twice
    assert page.locator('[data-testid="stSidebar"]').is_visible() is False


@pytest.mark.parametrize(
    ("place", "screen", "plots"),
    [
        ("?", 1, 0),
        ("explore?tab=time&", 1, 1),
        ("explore?tab=score&", 1, 1),
        ("library?tab=runs&", 1, 1),
        ("library?tab=runs&", 2, 0),
        ("library?tab=articles&", 4, 1),
        ("train?", 1, 0),
    ],
)
def test_the_other_tabs_are_read_from_afar_too(browser, server, place, screen, plots):
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-GB")
    page.goto(f"{server.partition('explore')[0]}{place}run=recorded-mini&present=1&screen={screen}")
    the_screen(page, screen)
    for width, height in ((853, 480), (1280, 720)):
        page.set_viewport_size({"width": width, "height": height})

        def found(width=width, height=height):
            now = page.evaluate(MEASURE)
            inside = all(a >= 0 and b >= 0 and c <= width and d <= 1 for a, b, c, d in now["plots"])
            steady = now["wide"] <= 0 and (now["labels"] or not plots)  # a figure follows the window a little later
            return now if inside and steady else None

        now = until(found, 20)
        assert now["small"] == [] and now["wide"] <= 0 and len(now["plots"]) == plots, (width, now)
        assert all(size >= 20 for size in now["labels"]), now["labels"]
    page.close()


def test_a_clicker_moves_and_escape_ends_it(browser, server):
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-GB")
    page.goto(server + "&present=1")
    the_screen(page, 1)
    page.keyboard.press("PageDown")
    the_screen(page, 2)
    assert "screen=2" in page.evaluate("location.search")
    page.reload()
    the_screen(page, 2)
    page.keyboard.press("PageUp")
    the_screen(page, 1)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Library").wait_for(timeout=30_000)
    until(lambda: "present" not in page.evaluate("location.search"), 10)
    page.go_back()
    page.locator(".st-key-present_bar").wait_for(timeout=30_000)


def test_a_figure_is_saved_as_a_picture_and_as_data(browser, server):
    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-GB")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server)
    drawn(page)
    page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(timeout=30_000)
    page.get_by_role("button", name="Share").click()
    saved = {}
    for form in ("PNG", "SVG", "CSV"):
        with page.expect_download(timeout=30_000) as download:
            page.get_by_role("button", name=f"accuracy (%) as {form}", exact=True).click()
        assert download.value.suggested_filename == f"atelier-accuracy.{form.lower()}"
        saved[form] = download.value.path().read_bytes()
    assert saved["PNG"].startswith(b"\x89PNG") and int.from_bytes(saved["PNG"][16:20], "big") > 1000  # pixels across
    assert b"<svg" in saved["SVG"] and "training steps" in saved["SVG"].decode()
    rows = list(csv.reader(io.StringIO(saved["CSV"].decode("utf-8-sig"), newline="")))
    assert rows[0] == ["series", "training steps", "accuracy (%)"]
    validation = [row for row in rows if row[0] == "validation, 8,192 of 15,072 tokens"]
    assert [float(validation[-1][1]), round(float(validation[-1][2]), 1)] == [200, 29.8]
    code = page.locator('[role="dialog"] img')
    assert code.evaluate("image => image.complete && image.naturalWidth > 0")
    page.get_by_role("button", name="Make the report").click()
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Download the report").click(timeout=60_000)
    assert b"<h1>It learned: on the whole of validation" in download.value.path().read_bytes()
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {server.split("/")[2]}


def test_cells_of_a_figures_data_are_quoted_as_those_of_the_server_are(browser):
    from engine.core import spreadsheet

    script = (PROJECT / "ui" / "components" / "figure" / "takeaway.js").read_text(encoding="utf-8")
    values = ["=1", "+1", "-1", "@a", "\t=", "\r=", "\n=", "＝1", "a,b", 'say "x"', "a=1", "", "x\ny", -1.5, 0, 7, None]
    page = browser.new_page()
    found = page.evaluate(
        """async ([source, values]) => {
            const { cell } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
            return values.map(cell).join(",");
        }""",
        [script, values],
    )
    of_server = spreadsheet.as_csv(["a"], [values]).removeprefix("a\r\n")
    assert next(csv.reader(io.StringIO(found, newline=""))) == next(csv.reader(io.StringIO(of_server, newline="")))
