"""The recorded lesson as a file: all of it is in there, in both languages, and nothing in it runs or asks but its own script."""

import json
import re
import shutil
import time
from html.parser import HTMLParser

import pytest
from project import PROJECT

from engine.classroom import figures, lessons, played, slides
from engine.classroom.offline import page
from engine.classroom.offline.content import Content
from engine.cli.app import main
from engine.core import paths
from engine.core.errors import LessonError

HOSTILE = (
    "</script><script>alert(1)</script> <img src=x onerror=alert(2)> {{ 7 * 7 }} [a](https://example.org) ![b](c.png) `"
)
TYPED = "</script><script>alert(1)</script><img src=x onerror=alert(2)>[a](https://b.org)"  # a title's length
VOID = {"meta", "img", "input", "br", "hr", "link"}


class Elements(HTMLParser):
    """The elements of a page, the text of each section, and what stands in its two scripts."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.sections: dict[str, str] = {}
        self.scripts: list[str] = []
        self.feed(content)
        assert self.open == [], "an element that is not closed"

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section" and (name := dict(attrs).get("id")):
            self.sections[name] = ""
        if tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" in self.open:
            self.scripts[-1] += data
        elif "section" in self.open and self.sections:
            self.sections[list(self.sections)[-1]] += data


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return {code: page.html(lessons.load(), code) for code in lessons.LANGUAGES}


def changed_lesson(tmp_path, name: str, old: str, new: str) -> lessons.Lesson:
    """The lesson that ships with another text in one of its files."""
    folder = tmp_path / "mine"
    shutil.copytree(PROJECT / "lessons" / lessons.FINE_TUNING, folder, dirs_exist_ok=True)
    file = folder / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return lessons.load("mine", folder)


@pytest.mark.parametrize("language", lessons.LANGUAGES)
def test_every_slide_of_the_lesson_is_there_in_order_but_those_that_need_a_phone(written, language):
    lesson = lessons.load()
    found = list(Elements(written[language]).sections)
    wanted = [s for s in slides.of_lesson(lesson, language, short=False) if s.question != "secret"]
    assert found == ["-".join(s.key.split()) for s in wanted] and len(found) > 30
    short = {"-".join(s.key.split()) for s in slides.of_lesson(lesson, language, short=True)} - {"4-vote-secret"}
    in_short = {
        a["id"]
        for tag, a in Elements(written[language]).found
        if tag == "section" and "id" in a and "data-long" not in a
    }
    assert in_short == short


@pytest.mark.parametrize("language", lessons.LANGUAGES)
def test_texts_questions_answers_notes_and_gloss_of_the_lesson_stand_in_it(written, language):
    lesson, sections = lessons.load(), Elements(written[language]).sections
    all_of = {code: figures.recorded(code) for code in lessons.LANGUAGES}
    for step in lesson.steps[language]:
        for term, meaning in step.gloss:
            assert term in sections[f"{step.number}-text"] and meaning in sections[f"{step.number}-text"]
    question = lesson.question("4", all_of)
    before, after = (question.wording(form, language) for form in (0, 1))
    assert before.ask in sections["0-vote-4-before"] and after.ask in sections["6-vote-4-after"]
    assert after.why in sections["6-vote-4-after"] and all_of[language]["random_accuracy"] in after.why
    assert before.why not in sections["0-vote-4-before"]  # the same idea comes back at the end
    assert all_of[language]["base_sample_1"] in sections["1-vote-what-it-read"]
    notes = {"en": "What would you not paste into a chatbot", "fr": "Que ne donneriez-vous pas à lire"}[language]
    assert notes in written[language] and not any(notes in text for text in sections.values())


@pytest.mark.parametrize("language", lessons.LANGUAGES)
def test_where_there_are_no_phones_the_wall_speaks_of_none(written, language):
    sections = Elements(written[language]).sections
    address, secret = {"en": ("Type the address", "is hidden in"), "fr": ("Tapez l’adresse", "On la cache")}[language]
    assert address not in sections["0-text"] and secret not in sections["4-text"]
    assert {"en": "your hands", "fr": "levez la main"}[language] in sections["0-text"]


def test_both_languages_say_the_same_figures_in_their_own_way(written):
    english, french = (Elements(written[code]).sections for code in ("en", "fr"))
    assert list(english) == list(french)
    of = figures.recorded("fr")
    assert of["run_accuracy"] in french["5-gain"] and figures.recorded("en")["run_accuracy"] in english["5-gain"]
    assert not re.search(r"\d\.\d+\u00a0%", "".join(french.values()))
    assert "{" not in "".join(english.values()) + "".join(french.values())


@pytest.mark.parametrize("language", lessons.LANGUAGES)
def test_it_asks_nobody_for_anything_runs_its_own_script_alone_and_is_small(written, language):
    content = written[language]
    elements = Elements(content)
    assert not re.findall(r"url\(|@import|https?://(?!www\.w3\.org/(2000/svg|1999/xhtml))", content)
    addresses = [a[name] for _tag, a in elements.found for name in ("href", "src", "action", "xlink:href") if name in a]
    assert addresses and all(one.startswith(("#", "data:image/svg+xml;base64,")) for one in addresses)
    assert not any(name.startswith("on") for _tag, a in elements.found for name in a)
    assert {tag for tag, _a in elements.found}.isdisjoint({"link", "iframe", "object", "base", "form"})
    (policy,) = [a["content"] for tag, a in elements.found if a.get("http-equiv") == "Content-Security-Policy"]
    assert (
        "default-src 'none'" in policy
        and "script-src 'sha256-" in policy
        and "'unsafe-inline'" not in policy.partition("script-src")[2]
    )
    assert len(elements.scripts) == 2 and len(content.encode()) < 1_000_000


def test_the_recordings_are_those_of_the_runs_that_ship_and_say_so(written):
    data = json.loads(Elements(written["en"]).scripts[0])
    learned, memorised = data["plays"]["learn"], data["plays"]["memorise"]
    lines = (paths.RECORDED.parent / "recorded-mini" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    points = [e for e in events if e["kind"] == "evaluation" and e["split"] == "validation" and not e["whole"]]
    assert [p[:2] for p in learned["own"]["points"]] == [[e["step"], 100 * e["accuracy"]] for e in points]
    texts = {(e["step"], e["prompt"]): e["text"] for e in events if e["kind"] == "sample"}
    for step, _accuracy, text in learned["own"]["points"]:
        assert texts[step, learned["prompt"]].replace("\n", " ").startswith(text.rstrip(" …"))
    assert len(data["moments"]) == len(points) and data["moments"][0]["title"] == "base"
    assert learned["badge"] == memorised["badge"] == "recorded"
    assert [line["label"] for line in learned["beside"]] == ["from random weights"]
    first, last = memorised["copied"]
    assert first == 0 and memorised["own"]["points"][-1][2][first:last].startswith(" examinations and trust")
    assert written["en"].count('<span class="badge">recorded</span>') >= 4
    for name in ("recorded-mini", "recorded-random", "recorded-memorise"):
        assert f"Recorded: {name} is a real run" in written["en"]


def test_a_text_that_a_teacher_has_changed_is_the_one_in_the_file(tmp_path):
    lesson = changed_lesson(tmp_path, "fr/02-curve.md", "Le modèle lit", "Notre **petit** modèle lit")
    assert "Notre <strong>petit</strong> modèle lit" in page.html(lesson, "fr")


def test_a_text_for_the_file_that_one_language_lacks_is_told(tmp_path):
    with pytest.raises(LessonError, match=r"fr/02-curve.md, line 1: the section Recorded of en/02-curve.md is missing"):
        changed_lesson(tmp_path, "fr/02-curve.md", "## Enregistré", "## Question mine")


@pytest.mark.parametrize(
    "name, old",
    [
        ("en/01-guess.md", "Which word comes next?"),
        ("en/02-curve.md", "a straight line upwards"),
        ("en/04-secret.md", "title: "),
        ("en/05-cost.md", "Vote, then show"),
    ],
)
def test_what_a_text_says_becomes_no_markup(tmp_path, name, old):
    own = Elements(page.html(changed_lesson(tmp_path / "own", name, old, old), "en"))
    content = page.html(changed_lesson(tmp_path, name, old, old + TYPED), "en")
    found = Elements(content)
    assert [tag for tag, _a in found.found] == [tag for tag, _a in own.found]
    assert "&lt;img src=x onerror=alert(2)&gt;[a](https://b.org)" in content and len(found.scripts) == 2


def test_what_a_model_wrote_becomes_no_markup(monkeypatch, written):
    real = figures.recorded
    monkeypatch.setattr(
        figures, "recorded", lambda code: {**real(code), "base_sample_1": HOSTILE, "run_words": HOSTILE}
    )
    monkeypatch.setattr(played, "shortened", lambda text, most: HOSTILE)
    content = page.html(lessons.load(), "en")
    own, found = Elements(written["en"]), Elements(content)
    assert [tag for tag, _a in found.found] == [tag for tag, _a in own.found]
    assert json.loads(found.scripts[0])["moments"][1]["text"] == HOSTILE
    assert len(found.scripts) == 2 and content.count("</script>") == 2


def test_without_the_recorded_runs_it_is_whole_and_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "RECORDED", tmp_path / "none")
    sections = Elements(page.html(lessons.load(), "en")).sections
    assert (
        "is not here" in sections["2-play"]
        and "is not here" in sections["4-play"]
        and "is not here" in sections["5-gain"]
    )


def test_the_right_answer_of_each_question_is_the_lessons():
    of = {s["id"]: s for s in Content(lessons.load(), "fr").slides()}
    for name in lessons.load().parallel():
        right = lessons.load().question(name).right
        assert [c["right"] for c in of[f"6-vote-{name}-after"]["choices"]].index(True) == right
        assert of[f"0-vote-{name}-before"]["may_show"] is False and of[f"6-vote-{name}-after"]["may_show"] is True


def test_the_command_writes_it_within_two_seconds(tmp_path, capsys):
    page.html(lessons.load(), "en")  # what is read once
    file = tmp_path / "lesson.html"
    before = time.process_time()
    assert main(["class", "offline", "--language", "fr", "-o", str(file), "--json"]) == 0
    assert time.process_time() - before < 2
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    content = file.read_bytes()
    assert told["bytes"] == len(content) and b'<html lang="fr">' in content and b"\r" not in content
    assert main(["class", "offline", "-o", str(tmp_path / "no" / "folder.html")]) == 1
    assert "folder" in capsys.readouterr().err
