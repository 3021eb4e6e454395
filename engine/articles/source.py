"""A file, folder or zip archive of articles → its splits, read one article at a time, from any place on."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.articles import in_zip, packed, recognise, split_names, text, word
from engine.articles import member as members_of
from engine.articles.article import Article
from engine.articles.member import Member
from engine.articles.on_disk import files_of
from engine.articles.options import BLANK_LINES, FILE, LINE, Options, Place
from engine.core.errors import ArticlesError, sentence
from engine.core.splits import SPLITS

_EXAMPLES = 3  # of each reason
_SHOWN_FILES = 6
_FEW_TEXTS = 3  # files of text, above which each is an article
_ONE_DOCUMENT = sentence(
    "{path}: a Word document is read as one article, unless it is a list, or each article in it begins with a line in the style "
    "“Title”: give the titles that style where it holds several, or save each as a file of its own."
)


@dataclass
class Skipped:
    """What was not used: how many items, by reason, with the first of each in words."""

    count: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    examples: list[ArticlesError] = field(default_factory=list)

    def add(self, problem: ArticlesError) -> None:
        """Counts an item that is not used."""
        self.count += 1
        seen = self.reasons.get(problem.template, 0)
        self.reasons[problem.template] = seen + 1
        if seen < _EXAMPLES:
            self.examples.append(problem)

    @classmethod
    def of(cls, problems: Iterable[ArticlesError]) -> "Skipped":
        """All of these counted."""
        skipped = cls()
        for problem in problems:
            skipped.add(problem)
        return skipped

    def to_json(self) -> dict[str, Any]:
        """As a card keeps it; `reasons` holds template, count and the values of the first examples."""
        return {
            "count": self.count,
            "reasons": [
                {
                    "template": template,
                    "count": count,
                    "examples": [e.to_json()["values"] for e in self.examples if e.template == template],
                }
                for template, count in self.reasons.items()
            ],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Skipped":
        """What `to_json` wrote."""
        skipped = cls(value["count"])
        for reason in value["reasons"]:
            skipped.reasons[reason["template"]] = reason["count"]
            skipped.examples += [ArticlesError(reason["template"], **values) for values in reason["examples"]]
        return skipped


class Source:
    """Articles in a file, a folder or a zip archive of files, each recognised by its content.

    Files called train, val (valid, validation, dev) or test, or standing in folders of these names, make the splits (`split_names`),
    and other files beside them are left out; where no file has such a name, all are training articles.

    `entered` is told the name of each file that is looked at or read, before it is; `tick` is called as bytes pass.

    Attributes:
        splits: those that have files.
        refused: files that are not read, with the reason.
        remarks: how files were read that a person should know of: their encoding, what one article is.
        alone: whether a single file is all there is.

    Raises:
        ArticlesError: nothing there, nothing readable, or nothing for training.
    """

    def __init__(
        self,
        path: Path | str,
        options: Options | None = None,
        entered: Callable[[str], None] = lambda name: None,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self.path, self._entered = Path(path), entered
        self.refused: list[ArticlesError] = []
        self.remarks: list[ArticlesError] = []
        found, left_out = self._members(tick), []
        for m in found:
            m.tick = tick
        by_split: dict[str, list[Member]] = {split: [] for split in SPLITS}
        named = dict(zip(map(id, found), split_names.splits_of(found), strict=True))
        if self.path.is_file() and len(found) == 1:
            by_split["train"] = found
        elif any(named.values()):
            for m in found:
                if split := named[id(m)]:
                    by_split[split].append(m)
                elif not split_names.is_card(m) and not split_names.is_note(m):
                    template = sentence("{path}: left out, since other files are called train, val or test.")
                    left_out.append(ArticlesError(template, path=m.name))
        else:
            cards = split_names.about_others(found)
            template = sentence("{path}: left out, since by its name it is about the articles beside it.")
            left_out += [ArticlesError(template, path=m.name) for m in cards]
            about = set(map(id, cards))
            by_split["train"] = [m for m in found if id(m) not in about]
        self._forms: dict[int, str] = {}
        any_training = by_split["train"]
        for split, of_split in by_split.items():
            by_split[split] = [m for m in of_split if self._recognised(m)]
        self.members = {split: of_split for split, of_split in by_split.items() if of_split}
        if "train" not in self.members:
            self._refuse(found, bool(any_training))
        self.refused += left_out
        self.alone = sum(map(len, self.members.values())) == 1
        self._before: dict[str, list[int]] = {}  # of each split, the bytes before each of its files and behind the last
        done = 0
        for split, of_split in self.members.items():
            self._before[split] = [done, *(done := done + m.size for m in of_split)]
        options = options or Options()
        texts = [m for of_split in self.members.values() for m in of_split if self._forms[id(m)] == "text"]
        if not options.text_unit:
            options = replace(options, text_unit=self._unit(texts))
            if options.text_unit == LINE:
                self.remarks += [ArticlesError(text.line_remark(m), path=m.name) for m in texts]
        if self.alone and self.forms() == {"docx": 1} and word.is_one_article(self.members["train"][0]):
            self.remarks.append(ArticlesError(_ONE_DOCUMENT, path=self.members["train"][0].name))
        self.options = options

    def _unit(self, texts: list[Member]) -> str:
        if len(texts) > _FEW_TEXTS:
            return FILE
        try:
            lines = texts and all(text.unit_of(m) == LINE for m in texts)
        except ArticlesError:  # whoever reads the file says so
            lines = False
        return LINE if lines else BLANK_LINES

    def _members(self, tick: Callable[[], None]) -> list[Member]:
        found: list[Member] = []
        files, self.refused = files_of(self.path)
        for relative, path in files:
            try:
                with open(path, "rb") as file:
                    head = file.read(512)
            except OSError:
                template = sentence("{path} cannot be read: check its rights.")
                self.refused.append(ArticlesError(template, path=relative))
                continue
            self._entered(relative)
            try:
                inside, refused = self._inside(path, relative, head, tick)
            except ArticlesError as error:
                self.refused.append(error)
                continue
            inside = [m for m in inside if not m.split_name.rsplit("/", 1)[-1].startswith(".")]
            found += [m for m in inside if not m.split_name.startswith("__MACOSX/")]
            self.refused += refused
        found = self._without_companions(found)
        configurations = {m.split_name.split("/")[0] for m in found}
        if {"document", "section"} <= configurations:  # the two configurations of the hub's copies: the same articles
            found = [m for m in found if not m.split_name.startswith("section/")]
        return found

    def _inside(
        self, path: Path, relative: str, head: bytes, tick: Callable[[], None]
    ) -> tuple[list[Member], list[ArticlesError]]:
        """The files that one on the disk stands for: itself, or those in it where it is an archive."""
        itself = members_of.of_file(path, relative)
        if head.startswith((recognise.ZIP, recognise.EMPTY_ZIP)):
            inside, refused = members_of.of_archive(path)
            form = (
                in_zip.form_of_zip(itself)
                if any(m.split_name == "[Content_Types].xml" or m.split_name == "mimetype" for m in inside)
                else ""
            )
            return (inside, refused) if not form else ([itself], [])
        if head.startswith(packed.GZIP) or packed.is_tar(head):
            return packed.members(path, relative, tick)
        return [itself], []

    def _without_companions(self, found: list[Member]) -> list[Member]:
        """The files without those that stand beside an article's XML in PMC's packages: the same article as PDF, pictures."""
        packages = {(m.path, m.split_name.rpartition("/")[0]) for m in found if _is_package(m)}
        others = []
        for m in found:
            if (m.path, m.split_name.rpartition("/")[0]) in packages and not _is_package(m):
                template = sentence("{path}: left out, since the article itself stands beside it as XML.")
                self.refused.append(ArticlesError(template, path=m.name))
            else:
                others.append(m)
        return others

    def _recognised(self, m: Member) -> bool:
        self._entered(m.name)
        form = recognise.form(m)
        if isinstance(form, ArticlesError):
            self.refused.append(form)
            return False
        if m.encoding:
            template = sentence("{path} is not in UTF-8: it was read as {encoding}, which its bytes show.")
            if m.encoding == "cp1252":
                template = sentence("{path} is not in UTF-8: it was read in the usual encoding of Excel on Windows.")
            self.remarks.append(ArticlesError(template, path=m.name, encoding=m.encoding))
        self._forms[id(m)] = form
        return True

    def _refuse(self, found: list[Member], any_training: bool) -> None:
        """Says why there is nothing to train on.

        Args:
            any_training: whether a file is called as one of training articles, and cannot be read.
        """
        if self.refused and (any_training or not self.members):
            raise self.refused[0]
        if not found:
            raise ArticlesError("{path} holds no file that could be articles.", path=self.path)
        template = sentence(
            "{path} has no articles for training: its files are {names}. Give those to train on a name with “train” in it "
            "(train.jsonl, a folder train); names with “validation” and “test” are those of the other parts."
        )
        shown = [m.split_name for m in found[:_SHOWN_FILES]] + ["…"] * (len(found) > _SHOWN_FILES)
        raise ArticlesError(template, path=self.path, names=", ".join(shown))

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have a file of their own."""
        return tuple(self.members)

    @property
    def size(self) -> int:
        """Bytes of all files that are read, unpacked."""
        return sum(m.size for of_split in self.members.values() for m in of_split)

    def form_of(self, m: Member) -> str:
        """The form of one of its files: a key of `recognise.READERS`."""
        return self._forms[id(m)]

    def forms(self) -> dict[str, int]:
        """How many files there are of each form."""
        found: dict[str, int] = {}
        for of_split in self.members.values():
            for m in of_split:
                found[self._forms[id(m)]] = found.get(self._forms[id(m)], 0) + 1
        return found

    def items(self, split: str, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
        """Each item of a split from `start` on (which file, then that file's place): an article, or what is wrong.

        A file that cannot be read at all, such as a table without the column asked for, is one item where there are
        others.

        Raises:
            ArticlesError: it is the only one.
        """
        begin, inner = (start[0], tuple(start[1:])) if start else (0, ())
        for index in range(begin, len(self.members[split])):
            yield from self.items_of_file(split, index, inner if index == begin else ())

    def items_of_file(
        self, split: str, index: int, inner: Place = ()
    ) -> Iterator[tuple[Place, Article | ArticlesError]]:
        """Each item of one file of a split from `inner`, that file's place, on; as `items` gives them."""
        m = self.members[split][index]
        any_item = bool(inner)
        self._entered(m.name)
        try:
            for place, item in recognise.READERS[self._forms[id(m)]].read(m, self.options, inner):
                any_item = True
                yield (index, *place), item
        except ArticlesError as error:
            if self.alone:
                raise
            any_item = True
            yield (index + 1,), error
        if not any_item:
            yield (index + 1,), ArticlesError(sentence("{path} holds no article."), path=m.name)

    def done_bytes(self, split: str, place: Place) -> int:
        """Bytes read when a split has been read up to `place`, those of the splits before it included."""
        if not place:
            return self._before[split][0]
        index = min(place[0], len(self.members[split]))
        reading = self.members[split][index].done_bytes() if index < len(self.members[split]) else 0
        return self._before[split][index] + reading

    def read(self, split: str, skipped: Skipped | None = None) -> Iterator[Article]:
        """The articles of a split in the order of its files; what cannot be used is counted in `skipped`."""
        for _, item in self.items(split):
            if isinstance(item, Article):
                yield item
            elif skipped is not None:
                skipped.add(item)


def _is_package(m: Member) -> bool:
    """Whether it is the XML of an article in an archive of PubMed Central."""
    return (
        m.path.name != m.split_name and m.split_name.lower().endswith(".nxml") and (m.opener or m.archive) is not None
    )
