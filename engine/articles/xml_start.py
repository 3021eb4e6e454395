"""Where an XML file begins, and in which encoding its bytes are, whatever its declaration says."""

import codecs
import re

LONGEST_BYTES = 1 << 12  # of a head in which the first tag is looked for
_DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"'](?:utf|ucs|iso-10646-ucs)-?(?:16|32|2|4)", re.IGNORECASE)


def of(head: bytes, transcoded_from: str = "") -> tuple[int, str | None]:
    """The offset of the first tag, and the encoding to read with; None where the declaration is to be believed.

    A declaration of UTF-16 in front of single bytes is one that a program forgot when it wrote the file anew.

    Args:
        transcoded_from: the encoding of the file, where the bytes given are UTF-8 made of it.
    """
    content = head.removeprefix(codecs.BOM_UTF8)
    start = content.lstrip()  # a declaration stands first, or it is none
    forced = bool(transcoded_from or head is not content or _DECLARED.match(start))
    return len(head) - len(start), "utf-8" if forced else None
