"""In which code page the bytes of a text that are not ASCII make words."""

import re
from dataclasses import dataclass

UTF8 = ""  # nothing has to be done
UNKNOWN = "unknown"  # no code page in which they make words

_MOST_FOREIGN = 0.3  # of the letters, above which a text is in no Latin alphabet
_FEW_FOREIGN = 8  # letters of a text that is too short for a share to tell
_ENOUGH_BYTES = 16  # that are not ASCII, for an encoding without these to be believed where UTF-8 is the rule
_ENOUGH_COMMON = 0.9  # of the letters that are not ASCII, for an encoding to be believed
_LEAST_COMMON = 0.5  # below which no encoding of Latin letters is believed
_SEVERAL = 4  # letters from which a rarer encoding may be seen
_CLEARLY = 0.1  # of a score of 3, by which a rarer encoding is better
_OF_LETTERS = 0.5  # of an alphabet's text, that are its frequent letters; of other letters these are a quarter

_SIGNS = frozenset("’‘“”„‚«»‹›–—…°±×÷€£¥¢‰•·¶†‡§©®™\u00a0½¼¾²³¹¬¦¿¡µªº")
_ORDINALS = frozenset("µºª")  # that Python takes for letters
_CLOSED_BY = {"„": '“”"', "‚": "‘’'", "‹": "›"}  # quotes that open, which are letters in other code pages
_OPENING = frozenset(_CLOSED_BY)
_BEHIND_NO_LETTER = _OPENING | frozenset("½¼¾")
_IN_WORDS = frozenset("’‘–—\u00a0·")


def _both(letters: str) -> frozenset[str]:
    return frozenset(letters + letters.upper())


@dataclass(frozen=True)
class _Family:
    """Languages that are written in the same code pages.

    Attributes:
        encodings: of equally likely ones the first.
        languages: the letters beside a to z that each has: those of one text are of one language.
    """

    encodings: tuple[str, ...]
    languages: tuple[frozenset[str], ...]

    @property
    def letters(self) -> frozenset[str]:
        return frozenset().union(*self.languages)


_WESTERN = _Family(
    ("cp1252", "cp850", "mac_roman", "iso8859_15"),  # what Windows writes, then DOS
    tuple(
        map(
            _both,
            ("éèêëàâçôîïûùüœæ", "äöüßé", "áéíóúñü", "áéíóúâêôãõçàü", "àèéìòù", "åäöøæé", "áéíóúýðþæö", "àèéíòóúçïü"),
        )
    ),
)
# Read where they are clearly better: of a short text both may be true.
_OTHERS = (
    _Family(
        ("cp1250", "iso8859_2", "cp852", "mac_latin2"),
        tuple(map(_both, ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áéíóöőúüű", "ăâîşţ", "áäčďéíľňóôšťúýž", "čćđšž"))),
    ),
    _Family(("cp1254", "cp857"), (_both("çğıöşü") | {"İ", "â", "î"},)),
    _Family(("cp1257",), tuple(map(_both, ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")))),
)
# Alphabets that are not Latin: their code pages, and the letters that make up most of a text.
_ALPHABETS = (
    (("cp1251", "koi8_r", "koi8_u", "cp866", "mac_cyrillic", "iso8859_5"), "оеаинтсрвлкі"),
    (("cp1253", "iso8859_7", "mac_greek", "cp737"), "αοιετσνηυρπκς"),
    (("cp1255", "iso8859_8", "cp862"), "יוהלמאתרבשםנ"),
    (("cp1256", "iso8859_6"), "اليمنرتبةعدو"),
    (("cp874",), "านรอกเงยลมวดตท่้ัีิ"),
)
_ASIAN = ("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr")
_AT_ENDS = frozenset("àìòù")
_BEFORE_LETTERS = frozenset("êâîôû")
_RARELY_FIRST = 0.7  # of a word: être, âge
_ASCII_LETTERS = re.compile(rb"[A-Za-z]")
_FOREIGN = re.compile(rb"[\x80-\xff]+")


def of_sample(sample: bytes, sure: bool, cr_only: bool) -> str:
    """The code page in which these bytes make words; UTF8 where they are damage, UNKNOWN where none is believed.

    Args:
        sample: bytes that are not ASCII, with what stands around them.
        sure: whether its form is UTF-8 by definition.
        cr_only: whether its lines end as only the Mac of old ended them.
    """
    if sure and len(b"".join(_FOREIGN.findall(sample))) < _ENOUGH_BYTES:
        name, _, common = _best(sample, _WESTERN.encodings, _WESTERN)
        return name if common >= _ENOUGH_COMMON else UTF8
    if not _is_latin(sample):
        return _alphabet(sample) or _asian(sample) or (UTF8 if sure else UNKNOWN)
    order = ("mac_roman", *_WESTERN.encodings) if cr_only else _WESTERN.encodings
    name, score, common = _best(sample, order, _WESTERN)
    other, other_score, other_common = max(
        (_best(sample, family.encodings, family) for family in _OTHERS), key=lambda found: found[1]
    )
    several = len(b"".join(_FOREIGN.findall(sample))) >= _SEVERAL or common < _ENOUGH_COMMON
    if several and other_common >= _ENOUGH_COMMON and other_score > score + _CLEARLY:
        return other
    if common >= (_ENOUGH_COMMON if sure else _LEAST_COMMON):
        return name
    return UTF8 if sure else UNKNOWN


def _is_latin(sample: bytes) -> bool:
    """Whether letters that are not ASCII stand among those that are, and do not make up whole words."""
    runs = [len(run) for run in _FOREIGN.findall(sample)]
    if sum(runs) <= _FEW_FOREIGN and max(runs, default=0) <= 2:
        return True
    return sum(runs) <= _MOST_FOREIGN * (len(_ASCII_LETTERS.findall(sample)) + sum(runs))


def _alphabet(sample: bytes) -> str:
    """The code page in which most letters are those that an alphabet's texts are made of, or ""."""
    best, name = _OF_LETTERS, ""
    for encodings, frequent in _ALPHABETS:
        for encoding in encodings:
            foreign = [c for c in sample.decode(encoding, "replace") if c > "\x7f"]
            if (share := sum(c in frequent for c in foreign) / max(1, len(foreign))) > best:
                best, name = share, encoding
    return name


def _asian(sample: bytes) -> str:
    """The code page of Chinese, Japanese or Korean in which the bytes make words, or ""."""
    import charset_normalizer

    found = charset_normalizer.from_bytes(sample, cp_isolation=list(_ASIAN)).best()
    return found.encoding if found is not None and found.encoding in _ASIAN else ""


def _best(sample: bytes, encodings: tuple[str, ...], family: _Family) -> tuple[str, float, float]:
    """The likeliest of these code pages, how likely it is (0 to 3), and its share of usual letters and signs."""
    found = []
    for encoding in encodings:
        text = f" {sample.decode(encoding, 'replace')} "
        foreign = [at for at, c in enumerate(text) if c > "\x7f"]
        common = _likelihood(text, foreign, family)
        found.append((encoding, common + _language_score(text, foreign, family), common))
    return max(found, key=lambda one: one[1])


def _likelihood(text: str, foreign: list[int], family: _Family) -> float:
    """How many of the characters that are not ASCII are letters and signs that such texts have, where they have them."""
    letters, good = family.letters, 0
    closed = {opening for opening, ends in _CLOSED_BY.items() if any(end in text for end in ends)}
    for at in foreign:
        c, before, behind = text[at], text[at - 1], text[at + 1]
        if c in letters:
            good += not (c.isupper() and before.islower())
        elif c in _SIGNS:
            inside = before.isalpha() and behind.isalpha()
            good += (
                (not inside or c in _IN_WORDS)
                and (c not in _BEHIND_NO_LETTER or not before.isalpha())
                and (c not in _OPENING or c in closed)
            )
    return good / max(1, len(foreign))


def _language_score(text: str, foreign: list[int], family: _Family) -> float:
    """How far the letters beside a to z are of one language, and stand in words where it has them: 0 to 2."""
    letters = [text[at] for at in foreign if text[at].isalpha() and text[at] not in _ORDINALS]
    of_one = (
        max(sum(c in language for c in letters) for language in family.languages) / len(letters) if letters else 1.0
    )
    return of_one + sum(_fits(*text[at - 1 : at + 2]) for at in foreign) / max(1, len(foreign))


def _fits(before: str, letter: str, behind: str) -> float:
    """How usual a sign that is not ASCII is between these two: 0 to 1."""
    if not letter.isalpha() or letter in _ORDINALS:
        if letter in _OPENING:
            return float(not before.isalpha() and behind.isalpha())
        if letter in "†‡‰÷":
            return float(not behind.isalpha())
        if letter == "›":
            return float(not behind.isalpha() and not before.isspace())
        return float(letter != "·" or not (before.isalpha() and behind.isalpha()))
    if before.isdigit() or behind.isdigit():
        return 0.0
    if letter.isupper():
        if before.isalpha():
            return float(before.isupper() and not behind.islower())
        return float(behind.isalpha() or letter in "ÀÉÔØÅ")
    if behind.isupper():
        return 0.0
    if letter in _AT_ENDS:
        return float(not behind.isalpha())
    if letter in _BEFORE_LETTERS:
        return (1.0 if before.isalpha() else _RARELY_FIRST) if behind.isalpha() else 0.0
    return float(letter != "ç" or behind.isalpha())
