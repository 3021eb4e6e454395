"""What sections, columns and parts of a corpus are called, in the languages in which articles and tables are brought."""

import functools
import re
import unicodedata

# The number is what a corpus keeps; "by section" figures and the reader go by these.
OTHER, ABSTRACT, INTRODUCTION, METHODS, RESULTS, DISCUSSION, TITLE = range(7)

# Words of a section's name, wherever they stand in it: English first, for most names are.
_ENGLISH = (
    (ABSTRACT, ("abstract", "summary")),
    (METHODS, ("method", "material", "procedure", "experimental", "study design", "statistical", "subjects")),
    (RESULTS, ("result", "finding", "case report", "case presentation")),
    (DISCUSSION, ("discussion", "conclusion", "concluding", "limitation")),
    (INTRODUCTION, ("introduction", "background", "objective", "rationale")),
)
# Beginnings of words, without accents, of French, German, Spanish, Portuguese, Italian, Dutch, Polish, Russian, Chinese.
_OTHERS = (
    (ABSTRACT, "resume|zusammenfassung|resumen|resumo|riassunto|sommario|samenvatting|streszczenie|аннотация|резюме|摘要"),
    (METHODS, "method|materi|patients et|metod|methode|procedura|procedimiento|procedimento|verfahren|metody|методы|материалы|方法|材料"),
    (RESULTS, "resulta|resultat|ergebnis|risultat|wynik|результат|cas clinique|fallbericht|caso clinic|结果|結果"),
    (DISCUSSION, "discus|conclu|diskussion|schlussfolger|fazit|limite|dyskusja|wniosk|обсуждение|выводы|заключение|讨论|討論|结论|結論"),
    (INTRODUCTION, "introduc|introduz|einleitung|einfuhrung|inleiding|contexte|objecti|objetivo|obiettiv|ziel|hintergrund|antecedente|contesto|but$|wstep|cel$|введение|цель|引言|背景|目的|前言"),
)  # fmt: skip
_PATTERNS = tuple((kind, re.compile(rf"(?:^|[^\w])(?:{words})")) for kind, words in _OTHERS)

# Columns of a table, the likeliest first, as `head` writes them.
TEXT_COLUMNS = (
    "article_text", "article", "full_text", "fulltext", "text", "body", "body_text", "content", "contents", "document",
    "article_body", "main_text", "paper_text", "texte_integral", "texte_complet", "texte", "contenu", "corps",
    "corps_du_texte", "texto_completo", "texto", "contenido", "conteudo", "testo_completo", "testo", "contenuto",
    "inhalt", "volltext", "tekst", "inhoud", "полный_текст", "текст", "全文", "正文", "sentence", "sentences", "phrase",
    "phrases", "texts", "textes", "paragraphs", "paragraphes",
)  # fmt: skip
ABSTRACT_COLUMNS = (
    "abstract_text", "abstract", "abstracts", "abstracttext", "article_abstract", "abstract_note", "summary", "resume",
    "resumen", "resumo", "riassunto", "zusammenfassung", "samenvatting", "streszczenie", "аннотация", "摘要",
)  # fmt: skip
TITLE_COLUMNS = (
    "title",
    "article_title",
    "articletitle",
    "titre",
    "titel",
    "titulo",
    "titolo",
    "tytul",
    "заглавие",
    "标题",
)
# A field or a column that holds one section of an article, as `head` writes its name: English, French, German, Spanish,
# Portuguese, Italian. A name that only has such a word in it (payment_method) is none.
_AND = r"(?:_(?:and|et|und|y|e))?_"
_SECTION = re.compile(
    r"(?:section_)?(?:\d+_)?(?:intro|introduction|background|rationale|objectives?|aims?|purpose|methods?|methodology|"
    rf"(?:materials?|patients|subjects){_AND}methods?|methods?{_AND}materials?|study_design|results?|findings|results?{_AND}discussions?|discussions?|"
    rf"(?:discussions?|results?){_AND}conclusions?|conclusions?|limitations|case_(?:report|presentation)|contexte|objectifs?|methodes?|methodologie|"
    rf"(?:materiels?|patients){_AND}methodes?|methodes?{_AND}materiels?|resultats?|resultats?{_AND}discussions?|cas_clinique|einleitung|hintergrund|"
    rf"ziel(?:e|setzung)?|methoden?|methodik|material(?:ien)?{_AND}methoden?|ergebnisse?|ergebnisse?{_AND}diskussion|diskussion|"
    rf"schlussfolgerung(?:en)?|fazit|introduccion|antecedentes|objetivos?|metodos?|metodologia|materiales?{_AND}metodos|resultados?|"
    rf"resultados?{_AND}discus(?:ion|sao)|discusion|conclusion(?:es)?|introducao|materiais{_AND}metodos|discussao|conclus(?:ao|oes)|introduzione|"
    rf"obiettiv[oi]|metodi|materiali{_AND}metodi|risultat[io]|risultati{_AND}discussione|discussione|conclusion[ei])"
    r"(?:_(?:text|section|texte))?"
)
_BEGINNING = re.compile(
    r"(?:section_)?(?:\d+_)?(?:intro|introduction|background|contexte|einleitung|hintergrund|introduccion|antecedentes|introducao|introduzione)(?:_.*)?"
)
ID_COLUMNS = ("article_id", "id", "doi", "pmid", "pmcid", "identifiant", "identifier", "identificador", "kennung")

# What a list of references is called, without accents.
_REFERENCES = re.compile(
    r"(?:\d+\.?\s*)?(?:references?(?: bibliographiques?| cited| list| and notes)?|notes and references|bibliogra(?:ph|f|ff)\w*|list of references|"
    r"literatur(?:verzeichnis|hinweise)?|quellen(?:verzeichnis)?|literature(?: cited)?|cited literature|works cited|literatuur(?:lijst)?|"
    r"referencias(?: bibliograficas)?|riferimenti bibliografici|pismiennictwo|literatura|(?:список )?литератур[аы]|参考文献|參考文獻|引用文献)\s*[.:]?"
)
_PLACEHOLDER = re.compile(
    r"\s*[\[<(]?(?:(?:Publisher:\s*)?Abstract available from the publisher|No (?:abstract|(?:full )?text)(?: (?:is )?(?:available|provided|found))?|"
    r"(?:pas de|sans|aucun) (?:r[ée]sum[ée]|texte)(?: disponible)?|(?:r[ée]sum[ée]|texte) (?:non |in)disponible|kein(?:e)? (?:abstract|zusammenfassung)(?: "
    r"verf[üu]gbar)?|(?:abstract )?not available|#?n/?a|n\.a\.|n/d|nan|null|none|undefined|-+|–|—)\.?[\]>)]?\s*",
    re.IGNORECASE,
)
_CAPTION = re.compile(
    r"(?:fig(?:ure|\.)?|table|tableau|tabelle|abbildung|figura|tabla|scheme)\s*\w?\d+\s*[.:|–—]", re.IGNORECASE
)

# What files, folders and lists of JSON that hold a part of a corpus are called.
SPLIT_OF = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
}

MOST_COLUMNS = 1_000  # of a table, that are looked at for a usual name
_BETWEEN_CASES = re.compile(r"(?<=[a-z])(?=[A-Z])")  # abstractNote
_BETWEEN_WORDS = re.compile(r"[\W_]+")
# What a head adds to a usual name: of what the column is, and in which language.
_OF_THE_ARTICLE = re.compile(
    r"_(?:de_l_article|de_l_etude|du_document|du_papier|of_(?:the_)?(?:article|paper|document|study)|des_artikels|"
    r"del_articulo|do_artigo|dell_articolo|in_english|en_anglais|en_francais|english|french|anglais|francais|en|fr)$"
)


def plain(name: str) -> str:
    """A name in lower case, without accents and white space around it."""
    name = name.strip().lower()
    if name.isascii():
        return name
    parts = unicodedata.normalize("NFKD", name.replace("ł", "l"))
    return "".join(c for c in parts if not unicodedata.combining(c))


def kind_of(name: str) -> int:
    """What a section is about, by the words of its name: one of the constants above."""
    lowered = name.lower()
    for kind, words in _ENGLISH:
        if any(word in lowered for word in words):
            return kind
    stripped = plain(name)
    return next((kind for kind, pattern in _PATTERNS if pattern.search(stripped)), OTHER)


def head(name: str) -> str:
    """A column's name as the lists above have it: “Résumé de l'article” is resume, “Full Text” full_text, “&” and."""
    name = name.replace("&", " and ")
    return _OF_THE_ARTICLE.sub("", _BETWEEN_WORDS.sub("_", plain(name)).strip("_"))


@functools.lru_cache(maxsize=256)
def sections_of(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Those of a table's columns, or of an object's fields, that are called as an article's sections are; none where fewer than two."""
    found = tuple(name for name in fields[:MOST_COLUMNS] if _SECTION.fullmatch(head(name)))
    return found if len(found) > 1 else ()


def is_section(heading: str) -> bool:
    """Whether a heading is the name of a section alone, and no title that has such a word in it."""
    name = head(heading)
    return name in ABSTRACT_COLUMNS or bool(_SECTION.fullmatch(name)) or is_references(heading)


def opens_an_article(name: str) -> bool:
    """Whether a field or a column is called as what an article begins with, which no table of measurements has."""
    return bool(_BEGINNING.fullmatch(head(name)))


def heading(field: str) -> str:
    """A field's name as a heading: materials_and_methods is “Materials and methods”."""
    words = field.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def is_references(name: str) -> bool:
    """Whether a heading says that the list of references follows."""
    return bool(_REFERENCES.fullmatch(plain(name)))


def is_placeholder(text: str) -> bool:
    """Whether a text only says that there is none, as PubMed, Scopus and tables of missing values write it."""
    return bool(_PLACEHOLDER.fullmatch(text))


def is_caption(text: str) -> bool:
    """Whether a paragraph begins as what stands below a figure or above a table: Figure 1. …"""
    return bool(_CAPTION.match(text))


def column(names: list[str], usual: tuple[str, ...]) -> str:
    """The first of the usual names that a table has, as the table spells it, or ""."""
    by_name = {head(_BETWEEN_CASES.sub("_", name)): name for name in reversed(names[:MOST_COLUMNS])}
    by_name |= {head(name): name for name in reversed(names[:MOST_COLUMNS])}
    return next((by_name[n] for n in usual if n in by_name), "")
