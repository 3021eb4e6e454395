"""PubMed's XML (`PubmedArticleSet`): title and abstract of each record, read one at a time whatever the file's size."""

from collections import Counter
from collections.abc import Iterator

from engine.articles import jats, names, xml_start
from engine.articles.article import Article
from engine.articles.formulas import Element
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.core.errors import ArticlesError, sentence

RECORDS = ("PubmedArticle", "PubmedBookArticle")
ROOTS = ("pubmedarticleset", "pubmedarticle", "pubmedbookarticle", "medlinecitationset")
_WITHOUT = sentence("{path}, record {number}: without an abstract.")


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each record behind the first `start` ones, or what is wrong with it."""
    from lxml import etree

    done, number = (start[0] if start else 0), 0
    with member.open() as file:
        offset, encoding = xml_start.of(file.read(xml_start.LONGEST_BYTES), member.encoding)
    with member.open(offset) as file:
        try:
            parsed = etree.iterparse(
                file, events=("end",), tag=(*RECORDS, "MedlineCitation"), encoding=encoding, resolve_entities=False, no_network=True, load_dtd=False,
                huge_tree=False, remove_comments=True, remove_pis=True,
            )  # fmt: skip
            for _event, element in parsed:
                parent = element.getparent()
                if element.tag == "MedlineCitation" and parent is not None and parent.tag in RECORDS:
                    continue
                number += 1
                if number > done:
                    yield (number,), _article(member, element, number)
                element.clear()
                while element.getprevious() is not None:  # what has been read does not stay in memory
                    del element.getparent()[0]
        except etree.XMLSyntaxError as error:
            template = sentence("{path}, line {line}: XML that cannot be read ({reason}).")
            problem = ArticlesError(template, path=member.name, line=error.lineno or 1, reason=str(error.msg)[:200])
            yield (max(done, number) + 1,), problem
        except DAMAGED as error:
            yield (max(done, number) + 1,), member.damaged(error)


def _article(member: Member, record: Element, number: int) -> Article | ArticlesError:
    reading = jats.Reading()
    title = reading.text(next(record.iter("ArticleTitle", "BookTitle"), None))
    abstracts = [*record.iter("Abstract"), *record.iter("OtherAbstract")]
    paragraphs: tuple[str, ...] = ()
    for abstract in abstracts:  # one without text gives way to the next, which may be in another language
        if paragraphs := tuple(_paragraphs(abstract, reading)):
            break
    left: Counter[str] = Counter()
    left["other_abstracts"] = max(0, len(abstracts) - 1)
    left["addresses"] = len(list(record.iter("Author")))
    left["references"] = len(list(record.iter("Reference")))
    left["fields"] = len(list(record.iter("MeshHeading", "Keyword", "Chemical")))
    if not paragraphs:
        return ArticlesError(_WITHOUT, path=member.name, number=number)
    counted = tuple((part, count) for part, count in left.items() if count)
    identifier = reading.text(next(record.iter("PMID"), None))[:200]
    return Article(identifier, paragraphs, (), title, counted, (reading.formulas, reading.pictures))


def _paragraphs(abstract: Element, reading: jats.Reading) -> Iterator[str]:
    """The paragraphs of an abstract, each behind its label."""
    for part in abstract.iter("AbstractText"):
        label, text = (part.get("Label") or "").strip(), reading.text(part)
        if text and not names.is_placeholder(text):
            yield f"{label}: {text}" if label and label.upper() != "UNLABELLED" else text
