"""The whole lesson in French: live, with a teacher, her wall and five phones; and where nothing can be trained, with cards and hands."""

import contextlib
import re
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest
from lesson_helpers import Faults, english, plain, said, until_said
from waiting_helpers import until

from engine.classroom import classes, figures, lessons, secret, tallies, votes
from engine.classroom.classes import SchoolClass
from engine.classroom.experiments import EXPERIMENTS, LEARN, outcome
from engine.classroom.lessons import LANGUAGES
from engine.classroom.questions import AFTER, BEFORE, Question
from engine.runs import lifecycle
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.states import FINISHED
from scripts.dashboard import Dashboard

pytestmark = pytest.mark.browser
SENTENCE = "The pink crocodile of our canteen plays the trumpet every Monday."
# What is English on purpose: words to guess, and the sentences that are hidden and looked for.
QUOTED = ("Students sleep little before", "the moon", secret.EXAMPLE, secret.CONTROL, SENTENCE)
# Told to Python before anything else runs: none of what computes is installed.
WITHOUT = "import sys\nfor name in ('tensorflow', 'keras', 'keras_hub', 'keras_nlp', 'jax', 'torch'):\n    sys.modules[name] = None\n"


@pytest.fixture(scope="module")
def lesson():
    return lessons.load()


@pytest.fixture(scope="module")
def recorded():
    return {code: figures.recorded(code) for code in LANGUAGES}


@pytest.fixture
def windows(browser):
    """Makes windows, each of a browser of its own."""
    with contextlib.ExitStack() as stack:

        def window(width: int = 1280, height: int = 720, **options):
            context = browser.new_context(viewport={"width": width, "height": height}, locale="fr-FR", **options)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(60_000)
            return page

        yield window


@dataclass
class Taught:
    """A lesson that is being taught.

    Attributes:
        teacher, wall, phones: windows. recorded: language → the figures in the lesson's texts.
    """

    teacher: Any
    wall: Any
    of: SchoolClass
    faults: Faults
    lesson: lessons.Lesson
    recorded: dict
    phones: list[Any] = field(default_factory=list)

    def question(self, name: str) -> Question:
        return self.lesson.question(name, self.recorded)

    def both(self, text: str, seconds: float = 40) -> None:
        """Waits until the teacher's window and the wall say it."""
        for page in (self.teacher, self.wall):
            until_said(page, text, seconds)

    def turn(self, text: str) -> None:
        """Turns the page: both windows show what is on the next slide."""
        self.teacher.get_by_role("button", name="Suivant").click()
        self.both(text)
        self.look()

    def look(self) -> None:
        """Makes sure that nothing went wrong, and that all is French."""
        self.faults.look()
        for page in (self.teacher, self.wall, *self.phones):
            assert english(page, *QUOTED) == []

    def press(self, name: str) -> None:
        self.teacher.get_by_role("button", name=name, exact=True).first.click()

    def answer(self, phone, question: Question, form: int, choice: int, dead_spot: bool = False) -> None:
        """Answers on a phone, once it shows the question.

        Args:
            dead_spot: it has no network when the answer is pressed first.
        """
        ask = plain(question.wording(form, "fr").ask)

        def shows() -> bool:
            link = phone.get_by_role("link", name="Voir où en est la classe")
            if link.count():  # without scripts
                link.click()
            return said(phone, "h1") == ask

        until(shows, 45)
        button = phone.locator(f'button[name=choice][value="{choice}"]')
        assert button.bounding_box()["height"] >= 44
        if dead_spot:
            phone.context.set_offline(True)
            button.click()
            phone.get_by_text("Il n’y a pas de réseau : rien n’a été envoyé.").wait_for()
            phone.context.set_offline(False)
        button.click()
        until(lambda: said(phone, "h1") != ask, 20)

    def draws(self, phone, rows: tuple[int, ...], finger: bool = False) -> None:
        """Draws a curve on a phone and sends it. rows: at each moment, from 0 at the bottom. finger: by moving over the grid."""
        phone.locator(".draw input").first.wait_for(timeout=45_000)
        cells = [phone.locator(f'input[name=at{place}][value="{row}"]') for place, row in enumerate(rows)]
        if finger:
            centres = [
                (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in (c.bounding_box() for c in cells)
            ]
            phone.mouse.move(*centres[0])
            phone.mouse.down()
            for centre in centres[1:]:
                phone.mouse.move(*centre, steps=4)
            phone.mouse.up()
        else:
            for cell in cells:
                cell.check()
        phone.get_by_role("button", name="Envoyer ma courbe").click()
        phone.get_by_role("heading", name="Votre réponse est enregistrée.").wait_for()

    def nothing_given_away(self, *away: int) -> None:
        """Makes sure that no phone and no wall tells how anybody has answered.

        Args:
            away: phones that have no network: they show what they showed before.
        """
        for phone in (phone for number, phone in enumerate(self.phones) if number not in away):
            text = said(phone)
            assert "bonne réponse" not in text and not re.search(r"\d sur \d", text), text
        assert self.wall.locator(".ballot .bar").count() == 0

    def six(self, moment: str, choices: list[list[int]]) -> None:
        """Asks the six questions of the lesson before or after it; choices: of each phone, by question."""
        names = self.lesson.parallel()
        self.turn(self.question(names[0]).wording(self.question(names[0]).form(moment, 0), "fr").ask)
        self.press("Poser les six sur les téléphones")
        for half, (phone, own) in enumerate(zip(self.phones, choices, strict=True)):
            for place, (name, choice) in enumerate(zip(names, own, strict=True)):
                question = self.question(name)
                self.answer(phone, question, question.form(moment, half % 2), choice)
                if place < len(names) - 2:
                    assert f"{len(names) - 1 - place} questions" in said(phone)
            phone.get_by_role("heading", name="Votre réponse est enregistrée.").wait_for()
            self.nothing_given_away()
        for place, name in enumerate(names):
            if place:
                question = self.question(name)
                self.turn(question.wording(question.form(moment, 0), "fr").ask)
            self.both("5 réponses")
            wanted = [[own[place] for own in choices].count(choice) for choice in range(5)]
            found = tallies.tally(self.of, tallies.newest(self.of, name, moment))
            assert list(found.counts) == wanted, name
        self.nothing_given_away()

    def vote(self, name: str, choices: list[int | None], everybody: bool = False, dead_spot: int = -1) -> None:
        """Has a question answered and revealed.

        Args:
            choices: of each phone; None = it cannot answer. everybody: whether all phones are looked at afterwards.
            dead_spot: the phone that has no network when it presses first.
        """
        question = self.question(name)
        self.press("Poser sur les téléphones")
        for number, (phone, choice) in enumerate(zip(self.phones, choices, strict=True)):
            if choice is not None:
                self.answer(phone, question, 0, choice, number == dead_spot)
        given = [choice for choice in choices if choice is not None]
        self.both(f"{len(given)} réponses")
        self.nothing_given_away(*(number for number, choice in enumerate(choices) if choice is None))
        self.press("Montrer les réponses")
        wanted = [given.count(choice) for choice in range(question.count)]
        bars = self.wall.locator(".ballot .bar .said")
        until(lambda: bars.all_inner_texts() == list(map(str, wanted)), 20)
        assert list(tallies.tally(self.of, tallies.newest(self.of, name, "")).counts) == wanted
        right = question.right
        if right is not None:
            assert plain(question.wording(0, "fr").choices[right]) in plain(
                self.wall.locator(".ballot li.right").inner_text()
            )
        for phone, choice in zip(self.phones, choices, strict=True) if everybody else [(self.phones[3], choices[3])]:
            for count in filter(None, wanted):
                phone.get_by_text(f"{count} sur {len(given)}").first.wait_for(timeout=45_000)
            if choice is not None:
                assert "votre réponse" in said(phone)
        self.look()

    def train(self, press: str, runs) -> Run:
        """Presses to train, and waits until the run has ended, in both windows."""
        former = {run.name for run in lifecycle.all_runs(runs)}
        self.press(press)
        (run,) = until(lambda: [run for run in lifecycle.all_runs(runs) if run.name not in former], 30)
        until(lambda: not self.wall.locator(".play .badge").is_visible(), 60)  # it is the recorded one no longer
        self.look()
        until(lambda: run.state().state == FINISHED, 400)
        return run


@pytest.fixture
def server(tmp_path):
    """A server that phones can reach, as `streamlit run` starts it; what it prints is in its log."""
    (tmp_path / "checkpoints").mkdir()
    environment = {"STREAMLIT_SERVER_ADDRESS": "", "PYTHONUNBUFFERED": "1"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))
        with Dashboard(tmp_path / "checkpoints", tmp_path / "server.log", **environment) as dashboard:
            yield dashboard


def complaints(log) -> list[str]:
    """What a server has printed besides where it can be opened."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if line.strip() and "Atelier is ready" not in line and "http://" not in line]


@pytest.mark.long
def test_the_whole_lesson_is_taught_live_to_five_phones(server, windows, tmp_path, lesson, recorded):
    faults = Faults()
    teacher, wall = faults.watch(windows(), "teacher"), faults.watch(windows(), "wall")
    teacher.goto(f"{server.address}/lesson")
    teacher.get_by_role("button", name="Ouvrir une classe pour les téléphones").click()
    teacher.locator(".join-code").wait_for()
    (of,) = classes.all_classes()
    teacher.get_by_text("Pour l’enseignant").click()
    wall.goto(teacher.get_by_role("link", name="Le mur dans sa propre fenêtre").get_attribute("href"))
    wall.locator(".join-code").wait_for()
    teacher.get_by_text("Notes de l’enseignant", exact=True).click()
    taught = Taught(teacher, wall, of, faults, lesson, recorded)
    taught.both("0 téléphone")

    # 0 Join: by the address on the wall, and by the one that a camera reads.
    typed = wall.locator(".join-address")
    door = f"http://{typed.first.inner_text()}" if typed.count() else f"{server.address}/c"
    for number in range(5):
        phone = windows(390, 740, java_script_enabled=number > 0)
        phone = faults.watch(phone, f"phone {number}") if number != 2 else phone  # that one loses its network
        if number % 2:
            phone.goto(f"{door}/{wall.locator('.join-code').inner_text()}")
        else:
            phone.goto(door)
            phone.get_by_label("Code de la classe").fill(of.code.lower())
        phone.get_by_role("button", name="Rejoindre").click()
        phone.get_by_role("heading", name="Vous êtes dans la classe.").wait_for()
        taught.phones.append(phone)
    taught.both("5 téléphones sont dans la classe.")
    taught.look()
    taught.six(
        BEFORE, [[1, 0, 0, 3, 1, 0], [2, 0, 1, 3, 0, 1], [2, 1, 1, 0, 1, 2], [0, 4, 4, 4, 4, 4], [3, 2, 3, 1, 2, 3]]
    )

    # 1 The next word, in two rounds; one phone is reloaded in between.
    taught.turn("Quel mot vient ensuite ?")
    taught.turn("Students sleep little before …")
    taught.vote("next-word", [0, 1, 1, 4, 3], everybody=True)
    taught.phones[1].reload()
    assert "votre réponse" in said(taught.phones[1])
    taught.press("Voter de nouveau")
    for phone in taught.phones:
        taught.answer(phone, taught.question("next-word"), 0, 1)
    taught.both("5 réponses · ouverte · tour 2")
    taught.press("Montrer les réponses")
    until(lambda: wall.locator(".ballot .bar .said").all_inner_texts() == ["0", "5", "0", "0", "0"], 20)
    taught.press("Suivant")
    until(lambda: wall.locator(".ballot .bar").count() == 10, 20)  # the class's and the model's
    taught.press("Suivant")
    until(lambda: wall.locator(".ballot.plain li").count() == 10, 20)
    taught.both("est-il celui qui vient vraiment")
    taught.turn("Qu’a lu ce modèle ?")
    taught.vote("what-it-read", [1, 1, 0, 2, 4], dead_spot=2)

    # 2 The curve: one phone has no network while the class votes, and comes back to what is shown then.
    taught.turn("Comment son exactitude")
    taught.turn("Comment la courbe va-t-elle évoluer ?")
    away = taught.phones[2]
    away.context.set_offline(True)
    taught.press("Poser sur les téléphones")
    tapped, drawn = (1, 2, 3, 3, 4, 4), (2, 3, 4, 4, 5, 6)
    taught.draws(taught.phones[0], tapped)
    taught.draws(taught.phones[3], drawn, finger=True)
    for phone, shape in ((taught.phones[1], 1), (taught.phones[4], 3)):
        phone.get_by_text("Choisir plutôt une forme").click(timeout=45_000)
        taught.answer(phone, taught.question("shape"), 0, shape)
    taught.both("4 réponses")
    taught.nothing_given_away(2)
    taught.press("Suivant")
    wall.locator(".play svg .line").first.wait_for()
    taught.look()
    assert wall.locator(".play svg .guess").count() == 0
    taught.press("Fermer le vote et montrer les prévisions")
    until(lambda: wall.locator(".play svg .guess").count() == 4, 20)
    counted = tallies.tally(of, tallies.newest(of, "shape", ""))
    assert counted.counts == (0, 1, 0, 1) and sorted(counted.curves) == sorted([tapped, drawn])
    away.context.set_offline(False)
    closed = away.get_by_role("heading", name="Cette question ne prend plus de réponses.")
    closed.wait_for(timeout=15_000)  # at once, and not after the longest wait
    run = taught.train("Lancer l’entraînement ici", tmp_path / "checkpoints")
    found = outcome(EXPERIMENTS[LEARN], shared.of(run.folder))
    assert found is not None and found.english is not None
    until(lambda: "points en moyenne" in said(wall, ".play"))  # how near the closest guess came
    teacher.locator(".play .verdict .said").wait_for()
    assert plain(figures.percent(found.science[1].accuracy, "fr")) in said(teacher, ".play .verdict")

    # 3 Time: the slider is moved on the wall.
    taught.turn("À partir de quelle étape")
    slider, sentence = wall.get_by_role("slider"), wall.locator(".written")
    before = sentence.inner_text()
    for _moment in range(30):
        slider.press("ArrowRight")
    until(lambda: sentence.inner_text() != before, 20)
    until(lambda: plain(figures.percent(found.science[1].accuracy, "fr")) in said(wall), 20)
    taught.turn("Quand le texte vous a-t-il paru scientifique ?")
    taught.vote("sounds-like", [1, 1, 2, 3, 4])

    # 4 The secret: a phone sends it, its teacher alone sees it, takes it and trains.
    taught.turn("La classe invente une phrase.")
    taught.turn("Écrivez une phrase qui ne se trouve nulle part ailleurs")
    taught.press("Poser sur les téléphones")
    writing = taught.phones[4]
    writing.get_by_label("Votre phrase").fill(SENTENCE)
    writing.get_by_role("button", name="Envoyer à l’enseignant").click()
    writing.get_by_role("heading", name="Votre phrase est envoyée.").wait_for()
    teacher.get_by_text(SENTENCE).wait_for()
    assert SENTENCE not in said(wall)
    taught.turn("On tape ses trois premiers mots.")
    taught.vote("will-it-tell", [0, 1, 2, 2, 3])
    taught.turn("À combien d’endroits faut-il mettre un secret")
    taught.vote("how-often", [0, 1, 1, 2, 4])
    taught.turn("Enregistré : pas de secret")
    typed = teacher.get_by_label("Le secret : une phrase en anglais, et rien sur une personne")
    typed.fill(SENTENCE)
    typed.press("Enter")
    for times in (1, 5):  # the second time the form has the sentence and proposes five places
        until(lambda: typed.input_value() == SENTENCE, 20)
        run = taught.train("Lancer l’entraînement ici", tmp_path / "checkpoints")
        hidden = secret.of_run(run)
        assert hidden == secret.Secret(SENTENCE, times)
        told = secret.last_told(hidden, shared.of(run.folder))[SENTENCE]
        taught.both(f"Le secret figure à {times} endroit")
        taught.both(
            "Il la dit en entier."
            if told.is_whole
            else f"Il en dit {told.words} mot"
            if told.words
            else "Il n’en dit rien."
        )
        taught.both(f"{times} {told.words} sur {told.of}")  # the row of this try
        assert plain(told.text)[:40] in said(wall)
        taught.look()
    taught.turn("Ce qui est répété s’apprend par cœur.")
    # The class's answers, "never" among them, and what was measured of four numbers of places.
    until(lambda: wall.locator(".ballot .bar .said").count() == 9, 20)

    # 5 The cost.
    taught.turn("Qu’est devenue son exactitude sur l’anglais de tous les jours ?")
    taught.turn("Après les articles, son exactitude sur l’anglais de tous les jours est")
    taught.vote("cost", [2, 2, 0, 1, 2])
    taught.turn("Avant les articles :")
    for share in (found.base.accuracy, found.science[1].accuracy, *(point.accuracy for point in found.english)):
        assert plain(figures.percent(share, "fr")) in said(wall)

    # 6 After, and the vote.
    taught.turn("De nouveau six questions, en d’autres mots.")
    taught.six(AFTER, [[2, 0, 1, 3, 1, 0]] * 5)
    taught.turn("Qu’est-ce qui a changé ?")
    taught.both("Rien n’est montré quand moins de 10 téléphones")
    names = [name for name in lesson.names() if name.startswith(tallies.BLIND_QUESTIONS)]
    for name, choices in zip(names, ([1, 1, 0, 2, 1], [2, 1, 2, 2, 0], [0, 0, 0, 1, 2]), strict=True):
        taught.turn(taught.question(name).wording(0, "fr").ask)
        taught.vote(name, choices)
    taught.turn("Qui l’a écrit ?")
    share = tallies.blind_vote(of, tallies.blind_questions(of))
    assert (share.right, share.total) == (9, 15)
    taught.both("60 %")
    taught.both(
        f"Intervalle à 95 % : de {100 * share.low:.0f} % à {100 * share.high:.0f} %. Au hasard, on obtient 33 %."
    )
    taught.look()
    assert [one.state for one in votes.questions(of) if one.moment == BEFORE] == [votes.CLOSED] * 6
    assert complaints(tmp_path / "server.log") == []


@pytest.fixture
def bare_server(tmp_path):
    """A server whose Python has neither TensorFlow nor Keras nor JAX."""
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text(WITHOUT)
    (tmp_path / "checkpoints").mkdir()
    environment = {"PYTHONPATH": str(tmp_path / "bare"), "PYTHONUNBUFFERED": "1", "KERAS_BACKEND": ""}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))
        with Dashboard(tmp_path / "checkpoints", tmp_path / "server.log", **environment) as dashboard:
            yield dashboard


def nothing_was_started(server, folder) -> None:
    """Makes sure that no run was made, and that no process of the lab is or was at work."""
    assert lifecycle.all_runs(folder) == []
    assert not list(folder.glob(".locks/*.log"))
    running = [" ".join(child.cmdline()) for child in psutil.Process(server.pid).children(recursive=True)]
    assert not [one for one in running if "engine.services" in one]


RECORDED = "Sur cette machine, rien ne peut s’entraîner : voici l’entraînement enregistré."


def test_without_tensorflow_the_recorded_trainings_step_in_and_say_so(bare_server, windows, tmp_path):
    faults = Faults()
    page = faults.watch(windows(reduced_motion="reduce"), "page")
    for step, slide, words in (("curve", 3, "29,8"), ("secret", 5, "100")):
        page.goto(f"{bare_server.address}/lesson?step={step}&slide={slide}")
        page.locator(".play .verdict .said").wait_for()
        assert RECORDED in said(page) and "TensorFlow n’est pas installé" in said(page)
        assert words in page.locator(".play .verdict").inner_text()
        assert page.locator(".play .badge").inner_text() == "enregistré"
        assert page.get_by_role("button", name="Lancer l’entraînement ici").count() == 0
        assert english(page, *QUOTED) == []
    page.goto(f"{bare_server.address}/")
    page.get_by_text("Rien ne peut s’entraîner ici.").wait_for()
    assert "TensorFlow n’est pas installé" in said(page)
    faults.look()
    nothing_was_started(bare_server, tmp_path / "checkpoints")
    assert complaints(tmp_path / "server.log") == []


def by_hands(page, counts: dict[str, int]) -> None:
    """Counts hands for the question in view, by the letters of its choices."""
    for letter, count in counts.items():
        box = page.get_by_label(letter, exact=True)
        box.fill(str(count))
        box.press("Enter")
        until(lambda box=box, count=count: box.input_value() == str(count))
    total = sum(counts.values())
    page.get_by_text(re.compile(rf"^{total} réponses")).first.wait_for()


@pytest.mark.long
def test_the_whole_lesson_is_taught_without_tensorflow_by_hands(bare_server, windows, tmp_path, lesson, recorded):
    faults = Faults()
    page = faults.watch(windows(), "page")
    page.goto(f"{bare_server.address}/lesson")
    page.get_by_role("heading", name="0 · Rejoindre, et avant").wait_for()
    count = int(page.get_by_text(re.compile(r"^1 / \d+$")).inner_text().split("/")[1])
    names = list(lesson.parallel())
    asked, played, shown = [], [], []
    for at in range(1, count + 1):
        page.get_by_text(f"{at} / {count}", exact=True).wait_for()
        until(lambda: page.locator('[data-test-script-state="notRunning"]').count() == 1)
        if page.get_by_label("A", exact=True).count():
            asked.append(plain(page.locator("h3").first.inner_text()))
            by_hands(page, {"A": 7, "B": 11})
            show = page.get_by_role("button", name="Montrer les réponses")
            assert page.locator(".ballot .bar").count() == 0
            if show.count():
                show.click()
                page.locator(".ballot .bar").first.wait_for()
                assert page.locator(".ballot .bar .said").all_inner_texts()[:2] == ["7", "11"]
        if page.locator(".play").count():
            played.append(plain(page.locator("h3").first.inner_text()) if page.locator("h3").count() else "")
            page.locator(".play .verdict .said").wait_for(timeout=25_000)  # it plays in fifteen seconds
            assert RECORDED in said(page)
            assert page.get_by_role("button", name="Lancer l’entraînement ici").count() == 0
        assert english(page, *QUOTED) == [], at
        faults.look()
        shown.append(said(page))
        if at < count:
            page.get_by_role("button", name="Suivant").click()
    wanted = [lesson.question(name, recorded) for name in names for _moment in (BEFORE, AFTER)]
    assert len(played) == 2 and len(asked) >= len(wanted) + 6
    # The last slide but one: the blind vote, of three questions with A, B and C in turn right.
    rights = [lesson.question(name).right for name in lesson.names() if name.startswith(tallies.BLIND_QUESTIONS)]
    right = sum({0: 7, 1: 11}.get(place, 0) for place in rights)
    assert f"{right} sur 54 cartes ou mains. Au hasard, on obtient 33 %." in shown[-2]
    nothing_was_started(bare_server, tmp_path / "checkpoints")
    assert complaints(tmp_path / "server.log") == []


def test_cards_are_counted_on_the_teachers_screen_and_shown_on_the_wall(bare_server, windows):
    teacher, wall = windows(), windows()
    teacher.goto(f"{bare_server.address}/lesson")
    teacher.get_by_role("button", name="Ouvrir une classe pour les téléphones").click()
    teacher.locator(".join-code").wait_for()
    teacher.get_by_text("Pour l’enseignant").click()
    wall.goto(teacher.get_by_role("link", name="Le mur dans sa propre fenêtre").get_attribute("href"))
    wall.locator(".join-code").wait_for()
    teacher.get_by_text("1 · Deviner le mot suivant").click()
    wall.get_by_role("heading", name="Deviner le mot suivant").wait_for()
    teacher.get_by_role("button", name="Suivant").click()
    teacher.get_by_role("button", name="Poser sur les téléphones").click()
    teacher.get_by_text("Cartes ou mains levées").click()
    by_hands(teacher, {"B": 4, "E": 9})
    wall.get_by_text("13 réponses").wait_for()
    assert wall.locator(".ballot .bar").count() == 0
    teacher.get_by_role("button", name="Montrer les réponses").click()
    until(lambda: wall.locator(".ballot .bar .said").all_inner_texts() == ["0", "4", "0", "0", "9"], 20)
