"""What a zip file is, told by the names of its parts: a Word document, a document of another program, or a plain archive."""

import io
import re
import zipfile

from engine.articles import unread, word
from engine.articles.member import DAMAGED, Member
from engine.core.errors import ArticlesError

_WORD = re.compile(r"word/document\d*\.xml")  # Word on the web numbers it


def form_of_zip(member: Member) -> str | ArticlesError:
    """ "docx" for a Word document, "" for a plain archive, else why it is not read.

    Raises:
        ArticlesError: it is damaged.
    """
    if member.size > word.LARGEST_BYTES:
        return ""
    try:
        with member.open() as file, zipfile.ZipFile(io.BytesIO(file.read(word.LARGEST_BYTES + 1))) as archive:
            inside = archive.namelist()[: word.MOST_PARTS + 1]
    except DAMAGED as error:
        raise member.damaged(error) from error
    if any(_WORD.fullmatch(name) for name in inside):
        return "docx"
    for beginning, (template, values) in unread.IN_ZIP:
        if any(name.startswith(beginning) for name in inside) and (
            "mimetype" in inside or "[Content_Types].xml" in inside
        ):
            return ArticlesError(template, path=member.name, **values)
    return ""
