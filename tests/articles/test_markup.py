"""Markup inside a text: what is a tag and what is none, and what becomes of it."""

import time

import pytest

from engine.articles import names
from engine.articles.markup import plain_text


@pytest.mark.parametrize(
    "text",
    [
        "p < 0.05 and n > 3", "p <0.05, n> 3", "a<b and c>d", "if n<i>3", "the ring R<p>and", "<john@x.org>", "<unk> <S>", "AT&T, R&D; x&y",
        "<|startoftext|>", "x << y >> z", "</p", "&notanentity", "a\n\nb\n c  d",
    ],
)  # fmt: skip
def test_text_without_tags_stays_as_it_is(text):
    assert plain_text(text) == (text, 0)


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("10<sup>5</sup> cells in H<sub>2</sub>O", "10^5 cells in H2O"),
        ("10<SUP>-3</SUP>, the 5<sup>th</sup>, Ca<sup>2+</sup>", "10^-3, the 5th, Ca^2+"),
        ("10<sup>3,5</sup>, x<sup>1–3</sup>, 2<sup>10<sup>3</sup></sup>", "10^(3,5), x^(1–3), 2^(10^3)"),
        (
            "x<sup>n+1</sup>, x<sup>(n+1)</sup>, 2<sup>(a)(b)</sup>, e<sup>-x/2</sup>",
            "x^(n+1), x^(n+1), 2^(a)(b), e^(-x/2)",
        ),
        ("Ca<sup>2+</sup>, s<sup>−1</sup>, Apc<sup>+/−</sup>, x<sup>(n + 1)</sup>", "Ca^2+, s^−1, Apc^+/−, x^(n + 1)"),
        ("as before<sup>3,4</sup> and known.<sup>12</sup> Then", "as before and known. Then"),
        ('so<sup><a href="#r1">12</a></sup>, so<a href="#r2"><sup>13</sup></a>', "so, so"),
        ('<a href="x">of 10<sup>5</sup></a>', "of 10^5"),
        ("10&lt;sup&gt;5&lt;/sup&gt; and &amp;lt;0.05", "10^5 and <0.05"),
        ("<p>One\ntwo.</p>\n\n<p>Three<br/>four.</p>", "One two.\nThree\nfour."),
        ("<p>One<p>Two", "One\nTwo"),
        ("a\nb<br>c", "a\nb\nc"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("<jats:title>Aim</jats:title><jats:p>To <jats:italic>see</jats:italic>.</jats:p>", "Aim\nTo see."),
        ("p &lt; 0.05 &amp; n&nbsp;&gt;&#160;3 &eacute;&#x3b1;", "p < 0.05 & n > 3 éα"),
        ("a<script>if (a<b) {}</script>b<style>p {}</style>c<!-- no <b>d</b> -->", "a b c"),
        ("<b>p</b> < 0.05 and n > 3", "p < 0.05 and n > 3"),
        ("<![CDATA[p<0.05 & more]]>", "p<0.05 & more"),
        ("so <mml:math><mml:mi>x</mml:mi><mml:mo>&lt;</mml:mo><mml:mn>3</mml:mn></mml:math> is", "so x < 3 is"),
        ('<span class="a>b" id=c>text</span><img src="x.png" alt="y"/>', "text"),
    ],
)
def test_tags_become_what_they_mean_or_go(field, wanted):
    text, tags = plain_text(field)
    assert text == wanted
    assert tags > 0 or "&" in field


@pytest.mark.parametrize("inside", ["<m>" * 2000 + "</m>" * 2000, "\x01\ud800", "<", "&#0;&bad;"])
def test_a_formula_that_is_damaged_does_no_harm(inside):
    assert plain_text(f"so <math>{inside}</math> it is")[0].split()[0] == "so"


def test_the_tags_are_counted():
    assert plain_text("<p>10<sup>5</sup><br/></p>")[1] == 5


@pytest.mark.parametrize(
    "piece",
    ["<script>", "<!--", "<![CDATA[", "<sup>1</sup>", "<sup>", "</sup>", "<math>", "<a b=1", " b=c", "<p>", "&a", "</p>\n ", " \n"],
)  # fmt: skip
def test_no_text_takes_time_out_of_proportion(piece):
    began = time.process_time()
    plain_text(piece * 50_000 + "</math></script><p>x</p>")
    assert time.process_time() - began < 10  # of a square it would be hours


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("with <sup>11</sup>C, <sup>18</sup>F and <sup>68</sup>Ga", "with 11C, 18F and 68Ga"),
        ("scans; <sup>131</sup>I therapy", "scans; 131I therapy"),
        ("(<sup>14</sup>C, <sup>3</sup>H)", "(14C, 3H)"),
        ("were treated.<sup>18</sup> Then", "were treated. Then"),
        ("were treated.<sup>3,4</sup> Then, as before,<sup>7</sup> they", "were treated. Then, as before, they"),
    ],
)
def test_the_number_of_an_isotope_is_no_citation(field, wanted):
    assert plain_text(field)[0] == wanted


@pytest.mark.parametrize(
    "text",
    [
        "[No abstract available]",
        "No abstract available.",
        "Publisher: Abstract available from the publisher.",
        "nan",
        "NA",
    ],
)
def test_what_only_says_that_there_is_no_text_is_told(text):
    assert names.is_placeholder(text)
    assert not names.is_placeholder(f"{text} We measured twelve patients.")
