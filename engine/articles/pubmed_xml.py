"""PubMed's XML (`PubmedArticleSet`): title and abstract of each record, read one at a time whatever the file's size."""

from collections import Counter
from collections.abc import Iterator

from engine.articles.article import Article, clean
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.errors import ArticlesError, sentence

RECORDS = ("PubmedArticle", "PubmedBookArticle")
ROOTS = ("pubmedarticleset", "pubmedarticle", "pubmedbookarticle", "medlinecitationset")
_WITHOUT = sentence("{path}, record {number}: without an abstract.")


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each record behind the first `start` ones, or what is wrong with it."""
    from lxml import etree

    done, number = (start[0] if start else 0), 0
    with member.open() as file:
        try:
            parsed = etree.iterparse(
                file, events=("end",), tag=(*RECORDS, "MedlineCitation"), resolve_entities=False, no_network=True, load_dtd=False,
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


def _article(member: Member, record, number: int) -> Article | ArticlesError:
    left: Counter[str] = Counter()
    title = _text(next(record.iter("ArticleTitle", "BookTitle"), None))
    abstracts = list(record.iter("Abstract"))
    paragraphs = []
    for part in abstracts[0].iter("AbstractText") if abstracts else ():
        label, text = (part.get("Label") or "").strip(), _text(part)
        if text:
            paragraphs.append(f"{label}: {text}" if label and label.upper() != "UNLABELLED" else text)
    left["other_abstracts"] = len(list(record.iter("OtherAbstract")))
    left["addresses"] = len(list(record.iter("Author")))
    left["references"] = len(list(record.iter("Reference")))
    left["fields"] = len(list(record.iter("MeshHeading", "Keyword", "Chemical")))
    if not paragraphs:
        return ArticlesError(_WITHOUT, path=member.name, number=number)
    counted = tuple((part, count) for part, count in left.items() if count)
    return Article(_text(next(record.iter("PMID"), None))[:200], tuple(paragraphs), (), title, counted)


def _text(element) -> str:
    return "" if element is None else " ".join(clean("".join(element.itertext())).split())
