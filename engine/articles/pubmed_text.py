"""PubMed's download “Abstract (text)”: numbered records of citation, title, authors, addresses, abstract, notices.

The title and the abstract are the article. A record's parts stand between blank lines; long lines are wrapped. Which part
is which its place and its beginning say: authors stand behind the title, notices begin as in `_NOTICES` and no other way.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from engine.articles import lines, markup
from engine.articles.article import Article, clean
from engine.articles.member import Member
from engine.articles.options import Options, Place
from engine.core.errors import ArticlesError, sentence

LONGEST_LINE_BYTES = 1 << 20
LONGEST_RECORD_LINES = 20_000
_NUMBER = re.compile(r"(\d{1,7})\. \S")
_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
_HEAD = re.compile(r"\s*\d{1,7}\. \S[^\n]{2,300}?(?:\n[^\n]+){0,3}?\n\s*\n")
_MARKS = re.compile(r"^(?:PMID: \d|DOI: 10\.|PMCID: PMC|Author information:)", re.MULTILINE)
_LABEL = re.compile(r"[A-Z][A-Z ,/&()'’-]{2,80}: ")
_OTHER_ABSTRACT = re.compile(r"(?:Publisher|Plain Language Summary|plain-language-summary|AIDS|KIE|PIP|NASA|AAMC): ")
# Where a record names another one: a line of its own, and citations below it, further in.
_RELATED = re.compile(
    r"(?:Comment|Erratum|Update|Retraction|Republished|Expression of concern|Original report|Summary for patients|Retracted and republished|"
    r"Corrected and republished|Reprinted|Dataset|Cited) (?:in|on|for|of|from|by|described in)(?::|(?=\n|\Z)|:? [^\n]{2,120}?[.;] ?(?:19|20)\d\d(?: [A-Z][a-z]{2}[\w -]{0,12})?[;:])"
)
_NOTICES = re.compile(
    r"(?:DOI: 10\.|PMID: \d|PMCID: PMC|Collaborators?: |(?:Conflicts? of interests?|Competing interests?)(?: statement)?: |"
    r"(?:Declaration of (?:conflicting |competing )?interests?|Disclosures?): |\[Indexed for |\[Articles? in [A-Z][A-Za-z,; ]{2,80}\]\Z|"
    r"(?:Publisher: )?Abstract available (?:in [A-Z]\w+(?:[, ]+[A-Z]\w+)* )?from the publisher\.\Z)"
)
_LONGEST_COPYRIGHT = 600  # characters
_COPYRIGHT = re.compile(
    r"©|\([cC]\)\.? ?(?:(?:19|20)\d\d|(?:The )?Author|[A-Z][^.]{2,80}(?:19|20)\d\d)|(?:Crown )?[Cc]opyright,? ?(?:©|\([cC]\)|(?:19|20)\d\d[,.]? "
    r"(?:by )?(?:[Tt]he )?[A-Z©]|by (?:[Tt]he )?[A-Z])|"
    r"The Authors?(?:\([sS]\))?(?:[.,;]? ?(?:©|\([cC]\)|(?:19|20)\d\d[.,]|Published (?:by|under|on behalf)|\Z)|[.,;] [^.]{2,150} published by )|"
    r"All rights reserved\.|This (?:article|work|paper|manuscript) (?:is|was|has been) (?:protected by copyright|(?:a|written by) U\.?S\.? Government|"
    r"(?:an )?open[- ]access\b|(?:distributed|licen[sc]ed|made available) under|published under (?:the terms|an?) |in the public domain)|"
    r"This is an? (?:open[- ]access (?:article|publication)|U\.?S\.? Government work|work of the U\.?S)"
)
_IMPRINT = re.compile(r"Published (?:(?:19|20)\d\d )?(?:by|under|on behalf of) ")
_IMPRINT_WORDS = re.compile(r"behalf|licen[sc]e|rights|reserved|terms|exclusive|published|publication")
_NO_AUTHORS = re.compile(r"\[No authors? listed\]\.?")
_REFERENCE_MARKS = re.compile(r"(?:\((?:\d{1,4}|[#*†‡§a-z])\))+$")  # which say whose address is which
_SUFFIX = re.compile(r" (?:Jr|Sr|II|III|IV|\d(?:st|nd|rd|th))\.?$")
_PREFIX = re.compile(r"^(?:[‘’'\"“(\[]|[dl]['’])+")
_MOST_ORGANISATION_WORDS = 25
_SMALL_WORDS = re.compile(
    r"of|the|for|and|on|in|to|at|with|by|as|&|from|an?|des?|du|las?|les?|et|pour|sur|en|al|de[rn]|die|das|für|und|von|zu|im|del|los|y|e|para|"
    r"d[ao]s?|di|della|per|il|dei|van|het|voor|groups?|study|team|trials?|investigators|collaborators|consortium|committee|network|members|panel|"
    r"working|writing|research|collaborative|guidelines?"
)


def is_form(head: str) -> bool:
    """Whether a text that begins so is such a download."""
    head = head.lstrip("\ufeff")
    first = _HEAD.match(head)
    return bool(first and _YEAR.search(first.group()) and _MARKS.search(head))


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each record from `start` on (byte offset, lines before it, number of the record before it)."""
    offset, line, number = start or (0, 0, 0)
    with member.open(offset) as file:
        record: list[str] = []
        current = number
        blanks, before, first = 2, (offset, line), line + 1
        try:
            for raw, size in lines.read(member, file, LONGEST_LINE_BYTES):
                text = raw.decode("utf-8", "replace").lstrip("\ufeff").rstrip() if raw is not None else ""
                if blanks >= 2 and (match := _NUMBER.match(text)) and _begins(int(match[1]), current, text):
                    if any(record):
                        yield (*before, current), _article(member, record, first)
                    record, first, current = [], line + 1, int(match[1])
                blanks = 0 if text else blanks + 1
                offset += size
                line += 1
                if blanks >= 2:
                    before = (offset, line)
                if len(record) < LONGEST_RECORD_LINES:
                    record.append(text)
        except ArticlesError as error:
            yield (offset, line, current), error
            return
        if any(record):
            yield (offset, line, current), _article(member, record, first)


def _begins(number: int, before: int, text: str) -> bool:
    """Whether a numbered line behind two blank ones is the next record's, or the first of a download that follows."""
    return number == before + 1 or ((number > before or number == 1) and bool(_YEAR.search(text)))


def _article(member: Member, record: list[str], first: int) -> Article | ArticlesError:
    blocks = [block.split("\n") for block in re.split(r"\n(?:\s*\n)+", "\n".join(record).strip())]
    left: Counter[str] = Counter()
    title = _plain(" ".join(blocks[1]), left) if len(blocks) > 1 else ""
    found: list[list[str]] = []
    others: list[list[str]] = []
    has_authors = False
    for block in blocks[2:]:
        text = "\n".join(block)
        if block[0].startswith("Author information:"):
            left["addresses"] += 1
        elif _is_notice(text):
            left["notices"] += 1
        elif not found and not has_authors and _is_authors(block):
            left["addresses"] += 1
            has_authors = True
        elif match := _OTHER_ABSTRACT.match(text):
            others.append([block[0][match.end() :], *block[1:]])
        else:
            found.append(block)
    if not found:  # the next best, which may be in another language
        found, others = others[:1], others[1:]
    left["other_abstracts"] = len(others)
    pmid = next((m[1] for text in reversed(record) if (m := re.match(r"PMID: (\d+)", text))), "")
    abstract = tuple(_plain(paragraph, left) for block in found for paragraph in _paragraphs(block))
    if not abstract:
        return ArticlesError(
            sentence("{path}, line {line}: a record without an abstract."), path=member.name, line=first
        )
    return Article(pmid, abstract, (), title, tuple((part, count) for part, count in left.items() if count))


def _plain(text: str, left: Counter[str]) -> str:
    text, tags = markup.plain_text(text)
    left["tags"] += tags
    return clean(text)


def _is_notice(text: str) -> bool:
    if _RELATED.match(text) or _NOTICES.match(text.replace("\n", " ")):
        return True
    text = " ".join(text.split())
    if match := _IMPRINT.match(text):
        words = re.split(r"[ /]", re.sub(r"[.,;:()]", "", text[match.end() :].partition(" For permission")[0]))
        return all(_is_of_name(word) or _IMPRINT_WORDS.fullmatch(word) for word in words if word)
    return len(text) <= _LONGEST_COPYRIGHT and bool(_COPYRIGHT.match(text))


def _is_authors(block: list[str]) -> bool:
    """Whether most of the names that commas and semicolons part are those of persons or of groups."""
    text = unicodedata.normalize("NFC", " ".join(" ".join(block).split()))
    if _NO_AUTHORS.fullmatch(text) or "Electronic address: " in text:
        return True
    text = re.sub(r",? et al$", "", text.rstrip("."))
    names = [name.strip() for name in re.split(r"[,;]", text) if name.strip()]
    return bool(names) and sum(_is_person(name) or _is_group(name) for name in names) >= 0.6 * len(names)


def _is_person(name: str) -> bool:
    """Smith JA(1), van der Berg Å, O'Brien K Jr: a name, and initials behind it."""
    words = _SUFFIX.sub("", _REFERENCE_MARKS.sub("", name)).split()
    if not 2 <= len(words) <= 8:
        return False
    initials = words[-1].replace("-", "").replace(".", "")
    rest = "".join(words[:-1])
    return initials.isalpha() and initials.isupper() and len(initials) <= 4 and not any(c in ":()[]" for c in rest)


def _is_group(name: str) -> bool:
    """A name whose every word is written large but for the small ones: WHO Working Group on the Use of Drugs(1)."""
    words = _REFERENCE_MARKS.sub("", name).split()
    if not words or len(words) > _MOST_ORGANISATION_WORDS or name.endswith(":") or ": " in name:
        return False
    return all(map(_is_of_name, words)) and not all(_SMALL_WORDS.fullmatch(word.lower()) for word in words)


def _is_of_name(word: str) -> bool:
    """Whether a word may stand in a name: written large, a number, or one of the small ones."""
    return _PREFIX.sub("", word)[:1].isupper() or word[:1].isdigit() or bool(_SMALL_WORDS.fullmatch(word.lower()))


def _paragraphs(block: list[str]) -> Iterator[str]:
    """The paragraphs of an abstract: a new one where a label such as METHODS: begins a line."""
    paragraph: list[str] = []
    for text in block:
        if _LABEL.match(text) and paragraph:
            yield " ".join(paragraph)
            paragraph = []
        paragraph.append(text.strip())
    if joined := " ".join(paragraph).strip():
        yield joined
