"""JATS: text in reading order, formulas as text, and everything that is not read is counted."""

import json

import pytest
from sources_helpers import JATS, read

from engine.corpus import preparation
from engine.presets import tokenizers


def test_jats_gives_abstract_sections_and_paragraphs_in_reading_order(tmp_path):
    (tmp_path / "x.xml").write_text(JATS, encoding="utf-8")
    (article,), _ = read(tmp_path / "x.xml")
    assert (article.id, article.title, article.abstract) == ("10.1/x", "On cells", ("Short.",))
    assert [(s.name, s.paragraphs) for s in article.sections] == [
        ("", ("Loose start.",)),
        ("Results", ("First1 a < b.", "Second.", "Third.")),
    ]
    assert dict(article.left_out) == {"other_abstracts": 1, "figures": 2, "references": 1, "inner_articles": 1}


@pytest.mark.parametrize(
    ("markup", "counted"),
    [
        ("<fig-group><fig><graphic/></fig><fig><caption><p>c</p></caption></fig></fig-group>", {"figures": 2}),
        ("<p>Seen <inline-graphic/> so.</p><media/>", {"pictures": 2}),
        ("<p>A formula <inline-formula><inline-graphic/></inline-formula> is no part.</p>", {}),
        ("<p>Noted.<fn><p>n</p></fn></p><table-wrap><table-wrap-foot><fn/></table-wrap-foot></table-wrap>", {"notes": 1, "figures": 1}),
        ("<p>As</p><code>x = 1</code><supplementary-material><caption><p>S1</p></caption></supplementary-material>", {"code": 1, "supplements": 1}),
        ("<p>x</p></body><back><ack><p>Thanks.</p></ack><app-group><app><p>One <fig/></p><p>Two</p></app></app-group>"
         "<ref-list><ref/><ref/><ref/></ref-list></back><body>", {"behind": 3, "figures": 1, "references": 3}),
        ("<p>x</p></body><response><body><p>Dear</p><fig/></body></response><body>", {"inner_articles": 1}),
    ],
)  # fmt: skip
def test_what_jats_holds_and_is_not_read_is_counted(tmp_path, markup, counted):
    assert dict(jats_body(tmp_path, f"<p>Text.</p>{markup}").left_out) == counted


def test_what_stands_before_a_jats_article_and_is_not_read_is_counted(tmp_path):
    front = (
        "<contrib-group><contrib/><contrib/></contrib-group><permissions><license><license-p>CC</license-p></license>"
        "</permissions><abstract><p>Main.<fn/></p></abstract><abstract abstract-type='teaser'><p>T.</p></abstract>"
        "<trans-abstract><p>Résumé.</p></trans-abstract><kwd-group><kwd>a</kwd><kwd>b</kwd></kwd-group>"
    )
    article = jats_body(tmp_path, "<p>x</p>", front)
    assert article.abstract == ("Main.",)
    counted = {"addresses": 2, "notices": 1, "notes": 1, "other_abstracts": 2, "fields": 2}
    assert dict(article.left_out) == counted


def test_a_break_parts_words(tmp_path):
    front = "<title-group><article-title>Effect of saline<break/>in mice</article-title></title-group>"
    article = jats_body(tmp_path, "<sec><title>Data<break/>analysis</title><p>One<break/>text.</p></sec>", front)
    assert (article.title, article.text()) == (
        "Effect of saline in mice",
        "Effect of saline in mice\n\nData analysis\nOne text.\n",
    )


def jats_body(tmp_path, body: str, front: str = ""):
    mathml = 'xmlns:m="http://www.w3.org/1998/Math/MathML"'
    front = f"<front><article-meta>{front}</article-meta></front>"
    (tmp_path / "x.xml").write_text(f"<article {mathml}>{front}<body>{body}</body></article>", encoding="utf-8")
    ((article,), problems) = read(tmp_path / "x.xml")
    assert not problems
    return article


@pytest.mark.parametrize(
    ("markup", "wanted"),
    [
        ("10<sup>5</sup> cells", "10^5 cells"),
        ("10<italic><sup>5</sup></italic> cells", "10^5 cells"),
        ("<italic>x</italic><sup>2</sup>", "x^2"),
        ("Ca<sup>2+</sup> and Na<sup>+</sup>", "Ca^2+ and Na^+"),
        ("5 min<sup>−1</sup>", "5 min^−1"),
        ("2<sup>n + 1</sup>", "2^(n + 1)"),
        ("the 5<sup>th</sup> day", "the 5th day"),
        ("at 37<sup>∘</sup>C, x<sup>′</sup>", "at 37∘C, x′"),
        ("(n + 1)<sup>2</sup>", "(n + 1)^2"),
        ("<sup>14</sup>C and H<sub>2</sub>O", "14C and H2O"),
        ('before <sup><xref ref-type="bibr">12</xref>,<xref ref-type="bibr">13</xref></sup> and', "before and"),
        ('before<xref ref-type="bibr"><sup>12</sup></xref> and', "before and"),
        ('see <xref ref-type="fig">Figure 2<sup>a</sup></xref>', "see Figure 2^a"),
        ("known.<sup>12</sup> Then cells<sup>3,4</sup> and mice<sup>5–7</sup>", "known. Then cells and mice"),
        ('as [<xref ref-type="bibr">3</xref>]', "as [3]"),
        ("10<sup>3,5</sup> and 3 × 10<sup>3–5</sup>", "10^(3,5) and 3 × 10^(3–5)"),
        ("<italic>x</italic><sup>1–3</sup>, (y<sup>2, 3</sup>) and <italic>R</italic><sup>1,2</sup>", "x^(1–3), (y^(2, 3)) and R^(1,2)"),
        ("2<sup>10<sup>3</sup></sup> and e<sup>−x<sup>2</sup></sup>", "2^(10^3) and e^(−x^2)"),
        ("<sup>a<sup>2</sup></sup> and cm<sup>−<italic>n</italic></sup>", "a^2 and cm^−n"),
        ('10<sup><xref ref-type="bibr">3,5</xref></sup> <italic>x</italic><sup><xref ref-type="bibr">1–3</xref></sup>', "10 x"),
        ("in 2010<sup>3,4</sup>, of TNF-α<sup>5,6</sup>, hepatitis C<sup>1–3</sup>, 10<sup>[3,4]</sup>", "in 2010, of TNF-α, hepatitis C, 10"),
    ],
)  # fmt: skip
def test_what_is_raised_keeps_its_meaning_and_citations_go(tmp_path, markup, wanted):
    assert jats_body(tmp_path, f"<p>{markup}</p>").sections[0].paragraphs == (wanted,)


def math(content: str) -> str:
    return f"<m:math>{content}</m:math>"


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("<tex-math>p &lt; 0.05</tex-math>", "p < 0.05"),
        (r"<tex-math>\documentclass{minimal}\begin{document}$$ \alpha = 1 $$\end{document}</tex-math>", r"\alpha = 1"),
        (math("<m:mi>k</m:mi>"), "k"),
        (
            math("<m:mfrac><m:mrow><m:mi>a</m:mi><m:mo>+</m:mo><m:mn>1</m:mn></m:mrow><m:mi>b</m:mi></m:mfrac>"),
            "(a + 1)/b",
        ),
        (math("<m:msup><m:mn>10</m:mn><m:mrow><m:mo>−</m:mo><m:mn>3</m:mn></m:mrow></m:msup>"), "10^(−3)"),
        (math("<m:msub><m:mi>k</m:mi><m:mi>cat</m:mi></m:msub><m:mo>≤</m:mo><m:mn>2</m:mn>"), "k_cat ≤ 2"),
        (math("<m:mi>f</m:mi><m:mo>\u2061</m:mo><m:mfenced><m:mi>x</m:mi><m:mi>y</m:mi></m:mfenced>"), "f(x, y)"),
        (math("<m:msqrt><m:mi>n</m:mi></m:msqrt><m:mover><m:mi>x</m:mi><m:mo>¯</m:mo></m:mover>"), "√(n)bar(x)"),
        ("<alternatives><tex-math>TEX</tex-math>" + math("<m:mi>q</m:mi>") + "<inline-graphic/></alternatives>", "q"),
        ("<italic>r</italic><sup>2</sup> = 0.9", "r^2 = 0.9"),
    ],
)
def test_a_formula_becomes_its_text(tmp_path, formula, wanted):
    body = f"<p>Let <inline-formula>{formula}</inline-formula> be.</p>"
    article = jats_body(tmp_path, body)
    assert article.sections[0].paragraphs == (f"Let {wanted} be.",) and article.formulas == (1, 0)


def test_a_formula_of_great_depth_takes_no_great_time(tmp_path):
    deep = "<m:msqrt>" * 100 + "<m:mi>x</m:mi>" + "</m:msqrt>" * 100
    article = jats_body(tmp_path, f"<p><inline-formula>{math(deep)}</inline-formula></p>")
    assert article.sections[0].paragraphs[0] == "√(" * 100 + "x" + ")" * 100


def test_a_formula_that_is_a_picture_leaves_a_mark_and_is_counted(tmp_path, vocabulary):
    picture = "<inline-formula><inline-graphic/></inline-formula>"
    display = "<disp-formula><label>(1)</label><tex-math>E = m</tex-math></disp-formula>"
    body = f"<p>Let {picture} and {picture} be.{display}Then.</p><disp-formula><graphic/></disp-formula>{display}"
    article = jats_body(tmp_path, body)
    assert article.sections[0].paragraphs == ("Let [formula] and [formula] be. E = m Then.", "E = m")
    assert article.formulas == (2, 3)
    (tmp_path / "y.xml").write_text("<article><body><p>Another.</p></body></article>")
    prepared = preparation.prepare(tmp_path, tokenizers.Tokenizer(*vocabulary), tmp_path.with_name("corpora-formulas"))
    assert prepared.card["formulas"] == {"text": 2, "mark": 3}


def test_a_scanned_paper_is_read(tmp_path, real_data):
    (article,), _ = read(real_data / "inputs" / "ocr.nxml")
    assert article.title == "Scanned note"
    assert article.text().endswith("The text of an old scanned paper stands here only, line by line.\n")
    body = "<sec><title>Page</title><preformat>one\ntwo\n \nthree</preformat></sec>"
    assert jats_body(tmp_path, body).sections[0].paragraphs == ("one two", "three")


def test_an_article_with_all_of_these_is_read_right(real_data):
    (article,), _ = read(real_data / "inputs" / "one.nxml")
    assert article.title == "Growth of E. coli at 10^5 cells" and article.formulas == (2, 0)
    assert article.sections[0].paragraphs == (
        "We plated 10^5 cells in H2O as before and used p < 0.05 throughout; the rate was k per hour.",
        "Deep paragraph one. Text after the figure.",
        "First item.",
        "ABC: a short form",
    )


def test_a_definition_keeps_its_term(tmp_path):
    items = "<def-item><term>ABC</term><def><p>a short form</p><p>and more</p></def></def-item>"
    items += "<def-item><term><italic>K</italic><sub>m</sub></term></def-item>"
    assert jats_body(tmp_path, f"<p>Terms:<def-list>{items}</def-list></p>").sections[0].paragraphs == (
        "Terms:",
        "ABC: a short form",
        "and more",
        "Km",
    )


def test_titles_in_an_abstract_stay_and_the_main_abstract_wins(tmp_path):
    structured = "<title>Abstract</title><sec><title>Background</title><p>Why.</p><p>And so.</p></sec>"
    structured += "<sec><title>What was found?</title><p>This.</p></sec>"
    expected = ("Background: Why.", "And so.", "What was found? This.")
    teaser = '<abstract abstract-type="teaser"><p>A much longer text than all the others, but only a teaser of it.</p></abstract>'
    summary = f'<abstract abstract-type="summary">{structured}</abstract>'
    other = '<abstract abstract-type="unheard-of"><p>Another.</p></abstract>'
    for front in (teaser + other + summary, summary + teaser, f"{summary}{teaser}{other}"):
        assert jats_body(tmp_path, "<p>x</p>", front).abstract == expected
    assert jats_body(tmp_path, "<p>x</p>", f"{summary}{teaser}<abstract><p>Main.</p></abstract>").abstract == ("Main.",)
    assert jats_body(tmp_path, "<p>x</p>", teaser + other).abstract == ("Another.",)


def test_of_typed_abstracts_the_next_is_read_where_the_main_one_is_empty(tmp_path):
    empty = "<abstract><p><fig><graphic/></fig></p></abstract>"
    summary = '<abstract abstract-type="summary"><p>What we saw.</p></abstract>'
    teaser = '<abstract abstract-type="teaser"><p>Read on.</p></abstract>'
    article = jats_body(tmp_path, "<p>x</p>", empty + teaser + summary)
    assert article.abstract == ("What we saw.",)
    assert dict(article.left_out)["other_abstracts"] == 2
    assert jats_body(tmp_path, "<p>x</p>", empty).abstract == ()


def test_lists_and_quotations_stand_where_they_are_read(tmp_path):
    body = """<body><p>Before <list><list-item><p>one</p></list-item><list-item><p>two</p></list-item></list> behind.</p>
    <disp-quote><p>First words.</p><p>More words.</p></disp-quote></body>"""
    (tmp_path / "x.xml").write_text(f"<article>{body}</article>")
    (article,), _ = read(tmp_path / "x.xml")
    assert article.sections[0].paragraphs == ("Before", "one", "two", "behind.", "First words.", "More words.")


@pytest.mark.parametrize("wrapper", ["pmc-articleset", "articles"])
def test_every_article_of_a_set_is_read(tmp_path, wrapper):
    inner = "".join(f"<article><body><p>text {n}</p></body></article>" for n in range(3))
    (tmp_path / "set.xml").write_text(f"<{wrapper}>{inner}<article/></{wrapper}>")
    articles, problems = read(tmp_path / "set.xml")
    assert [(a.id, a.sections[0].paragraphs) for a in articles] == [(f"set-{n + 1}", (f"text {n}",)) for n in range(3)]
    assert problems == ["set.xml: an article without text."]


@pytest.mark.parametrize("name", ["x.nxml", "x.txt"])
@pytest.mark.parametrize("before", ["<!-- a comment -->\n<!-- more -->", "\n  ", "\n <!-- c -->"])
def test_jats_behind_a_comment_or_white_space_is_recognised(tmp_path, name, before):
    (tmp_path / name).write_text(before + JATS.partition("?>\n")[2])
    assert read(tmp_path / name)[0][0].id == "10.1/x"


def test_jats_agrees_with_the_same_real_articles_in_another_form(real_data):
    known = {}
    for name in ("train", "validation", "test"):
        for line in (real_data / "articles" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            value = json.loads(line)
            known[value["article_id"]] = value["sections"]
    counts = []
    for path in sorted((real_data / "jats").glob("*.xml")):
        (article,), _ = read(path)
        theirs = known.get(path.stem) or known[path.stem.replace("elife", "elife-")]
        counts.append(sum(len(s.paragraphs) for s in article.sections) == sum(len(s) for s in theirs))
    assert len(counts) == 12 and sum(counts) >= 9  # the rest differ by boxes, which we keep as paragraphs of their own


@pytest.mark.parametrize(
    "title",
    [
        'On cells<xref ref-type="fn" rid="f1">*</xref>',
        "On cells<sup>*</sup>",
        'On cells<xref ref-type="fn" rid="f1"><sup>†</sup></xref>',
        "On cells *",
        "On cells<fn><p>Paid for by none.</p></fn>",
    ],
)
def test_the_sign_of_a_note_is_no_part_of_a_title(tmp_path, title):
    front = f"<title-group><article-title>{title}</article-title></title-group>"
    article = jats_body(
        tmp_path, '<p>As seen<xref ref-type="fn" rid="f2">‡</xref> with p*, 3 * 4 and HLA*01.</p>', front
    )
    assert (article.title, article.sections[0].paragraphs) == ("On cells", ("As seen with p*, 3 * 4 and HLA*01.",))
