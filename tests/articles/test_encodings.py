"""Texts in encodings and languages of their own come back, and the encoding is said."""

import io

import pytest
from articles_helpers import read
from project import BROUGHT

from engine.articles import Source, encodings, names
from engine.core.errors import ArticlesError


def test_excels_french_csv_is_read_whole_and_its_encoding_is_said():
    articles, problems, _, source = read(BROUGHT / "excel_fr.csv")
    expected, *_ = read(BROUGHT / "excel_fr_utf8.csv")
    assert (articles, problems) == (expected, [])
    assert "L'étude a été réalisée à l'hôpital." in articles[1].text()
    assert [str(r) for r in source.remarks] == [
        "excel_fr.csv is not in UTF-8: it was read in the usual encoding of Excel on Windows."
    ]


FRENCH = "L'étude a été réalisée à l'hôpital ; les résultats, très variés, ont été obtenus chez 12 patients âgés."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "utf-8"), (FRENCH, "cp1252"), (FRENCH, "mac_roman"), (FRENCH, "cp850"), (FRENCH, "utf-16"),
        (FRENCH, "utf-16-le"), (FRENCH, "utf-16-be"), (FRENCH, "utf-8-sig"), ("un café", "cp1252"),
        ("Die Größe der Mäuse war möglich.", "cp1252"), ("El niño tenía años. ¿Cómo fue la investigación?", "cp1252"),
        ("“Naïve” cells – 5 µg/ml", "cp1252"), ("He said “so” – and more…", "cp1252"), ("He said “so” – and more…", "mac_roman"), ("Исследование было проведено в больнице.", "cp1251"),
        ("Badanie przeprowadzono w szpitalu, wyniki uzyskano u pacjentów, którzy się zgłosili, źródło", "cp1250"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["txt", "csv"])
def test_a_text_in_an_encoding_of_its_own_comes_back(tmp_path, text, encoding, ending):
    content = f"{text}\n\n" if ending == "txt" else f'id;text\n1;"{text}"\n'
    (tmp_path / f"a.{ending}").write_bytes(content.encode(encoding))
    (article, *_), problems, *_ = read(tmp_path / f"a.{ending}")
    assert (article.sections[0].paragraphs, problems) == ((text,), [])


SHORT = [
    "Größe", "Mäuse für", "forêt, tête, même", "très, père", "français, ça", "Étude", "été", "À l'hôpital", "La fièvre a été élevée.",
    "não, ações", "5 µg à 3 °C", "5 µg, 3 °C", "Übelkeit",
]  # fmt: skip


@pytest.mark.parametrize("encoding", ["cp1252", "cp850"])
@pytest.mark.parametrize("text", SHORT)
def test_a_short_table_is_read_in_the_code_page_of_windows_or_dos_that_it_has(tmp_path, text, encoding):
    (tmp_path / "a.csv").write_bytes(f"nr;text\r\n1;{text}\r\n".encode(encoding))
    (article,), problems, *_ = read(tmp_path / "a.csv")
    assert (article.sections[0].paragraphs, problems) == ((text,), [])


@pytest.mark.parametrize("text", SHORT)
def test_a_short_table_of_the_old_mac_is_told_by_its_ends_of_lines(tmp_path, text):
    (tmp_path / "a.csv").write_bytes(f"nr;text\r1;{text}\r".encode("mac_roman"))
    (article,), problems, *_ = read(tmp_path / "a.csv")
    assert (article.sections[0].paragraphs, problems) == ((text,), [])


@pytest.mark.parametrize(
    "text",
    [
        "The mean cost was £20 per day, and the total was £3,400 for all patients.",
        "The cost was £20 – the patient’s share was £5 (see the “tariff”).", "£20 and £30 at 37 °C ± 2 with 5 µg.",
        "Le prix : 20 £ par jour à l'hôpital.", "A salinity of 5 ‰ and of 35 ‰.", "¼ of the dose, ½, ¾ and ¥300.",
        "a ÷ b = c, in ¢", "See ¶ 5 and ‡ for details; † and ‡.", "Déjà vu", "für", "Öl", "Año 2010", "età", "Blå", "Ø 5 mm, 10 Å",
        "Er sagte „so“ und ‚so‘.", "Þyngdin jókst aðeins, því að þær átu meira.", "segons l'estudi clínic de l'anàlisi, això és la població",
    ],
)  # fmt: skip
def test_a_western_text_with_rarer_signs_stays_in_the_code_page_of_windows(text):
    assert encodings.of_text(io.BytesIO(text.encode("cp1252"))) == "cp1252"


@pytest.mark.parametrize(
    ("text", "code_pages"),
    [
        ("Le cœur, l'œdème et la sœur : 1 200 € à Nîmes.", ["iso8859_15"]),
        ("Az egereket tíz napig kezelték. A testsúly nőtt, ahogy várták. Az űrhajósok főként gyümölcsöt ettek.", ["cp1250", "iso8859_2", "cp852"]),
        ("Şoarecii au fost trataţi timp de zece zile. Greutatea a crescut la sfârşitul studiului în această ţară.", ["cp1250", "iso8859_2"]),
        ("Myši byly léčeny po dobu deseti dnů. Příliš žluťoučký kůň.", ["cp1250", "iso8859_2", "cp852", "mac_latin2"]),
        ("Fareler on gün boyunca tedavi edildi. Ağırlık çalışmanın sonunda arttı.", ["cp1254", "cp857"]),
        ("Pelės buvo gydomos dešimt dienų. Svoris padidėjo, kaip ir tikėtasi. Žąsys ėdė daugiau.", ["cp1257"]),
        ("Мыши получали лечение в течение десяти дней, как и ожидалось.", ["cp1251", "koi8_r", "cp866", "iso8859_5"]),
        ("Τα ποντίκια έλαβαν θεραπεία για δέκα ημέρες.", ["cp1253", "iso8859_7", "mac_greek"]),
        ("העכברים טופלו במשך עשרה ימים. המשקל עלה בסוף המחקר.", ["cp1255", "iso8859_8"]),
        ("عولجت الفئران لمدة عشرة أيام. ازداد الوزن في نهاية الدراسة كما كان متوقعا.", ["cp1256", "iso8859_6"]),
        ("หนูได้รับการรักษาเป็นเวลาสิบวัน น้ำหนักเพิ่มขึ้นเมื่อสิ้นสุดการศึกษา", ["cp874"]),
        ("マウスを十日間処置した。研究の終わりに体重が増加した。", ["shift_jis", "euc_jp", "iso2022_jp"]),
        ("小鼠接受了十天的治疗。研究结束时体重增加，正如预期的那样。", ["gb18030"]), ("쥐는 열흘 동안 치료를 받았다. 체중이 증가했다.", ["euc_kr"]),
    ],
)  # fmt: skip
def test_a_text_of_another_language_comes_back_from_each_of_its_code_pages(tmp_path, text, code_pages):
    for code_page in code_pages:
        (tmp_path / "a.txt").write_bytes(text.encode(code_page))
        (article,), problems, *_ = read(tmp_path / "a.txt")
        assert (code_page, article.sections[0].paragraphs, problems) == (code_page, (text,), [])


def test_bytes_that_make_words_in_no_code_page_are_refused_with_what_to_do(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one " + bytes(range(0x80, 0x100)) * 2 + b" two")
    with pytest.raises(ArticlesError, match="a.txt is not in UTF-8, and its bytes do not show .* save it as UTF-8"):
        Source(tmp_path / "a.txt")


def test_an_accent_far_behind_the_beginning_is_seen(tmp_path):
    rows = "".join(f"{n};plain text of row {n}\n" for n in range(20_000)) + "20000;réalisée\n"
    (tmp_path / "a.csv").write_bytes(("id;text\n" + rows).encode("cp1252"))
    articles, problems, *_ = read(tmp_path / "a.csv")
    assert (len(articles), articles[-1].sections[0].paragraphs, problems) == (20_001, ("réalisée",), [])


def test_reading_goes_on_from_any_place_of_another_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes(("id;texte\n" + "".join(f"{n};été {n}\n" for n in range(9))).encode("cp1252"))
    source = Source(tmp_path / "a.csv")
    items = list(source.items("train"))
    assert len(items) == 9
    for number, (place, _) in enumerate(items):
        assert list(source.items("train", place)) == items[number + 1 :]


def test_damage_in_a_utf8_file_stays_damage(tmp_path):
    assert encodings.of_text(io.BytesIO("é è à".encode() + b" caf\xe9")) == encodings.UTF8


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Méthodes", names.METHODS), ("Matériel et méthodes", names.METHODS), ("Patients et méthodes", names.METHODS),
        ("Résultats", names.RESULTS), ("Résumé", names.ABSTRACT), ("RÉSUMÉ", names.ABSTRACT), ("Contexte", names.INTRODUCTION),
        ("Conclusion", names.DISCUSSION), ("Objectifs", names.INTRODUCTION), ("Ergebnisse", names.RESULTS),
        ("Zusammenfassung", names.ABSTRACT), ("Einleitung", names.INTRODUCTION), ("Métodos", names.METHODS),
        ("Resultados", names.RESULTS), ("Discusión", names.DISCUSSION), ("Risultati", names.RESULTS),
        ("Методы", names.METHODS), ("结果", names.RESULTS), ("2. Matériels", names.METHODS), ("Remerciements", names.OTHER),
        ("Funding", names.OTHER), ("Butter", names.OTHER), ("Materials and Methods", names.METHODS),
    ],
)  # fmt: skip
def test_section_names_of_other_languages_are_kinds(name, kind):
    assert names.kind_of(name) == kind
