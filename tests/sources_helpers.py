"""Small sources of articles, and what is read of them."""

import itertools

from pubmed_helpers import jsonl

from engine.articles import Skipped, Source
from engine.core.progress import Cancelled


def read(path, split="train", options=None):
    """The articles of a split, and the sentences of what was skipped."""
    skipped = Skipped()
    source = Source(path, options)
    articles = list(source.read(split, skipped))
    return articles, [str(problem) for problem in skipped.examples]


def write_articles(path, numbers):
    """A file of the articles with these numbers."""
    path.write_text(jsonl(*numbers), encoding="utf-8")
    return path


def contents(folder):
    """The bytes of each file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def cancelled_after(calls):
    """An `on_progress` that ends the work when it is called for the so manieth time."""
    called = itertools.count(1)

    def on_progress(progress):
        if next(called) >= calls:
            raise Cancelled

    return on_progress


def table_rows(count=6):
    return [{"article": f"body {n} one .\nbody {n} two .", "abstract": f"abstract {n}\nmore"} for n in range(count)]


JATS = """<?xml version="1.0"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS//EN" "http://127.0.0.1:9/never-fetched.dtd">
<article><front><article-meta><article-id pub-id-type="doi">10.1/x</article-id>
<title-group><article-title>On <italic>cells</italic></article-title></title-group>
<abstract abstract-type="graphical"><p>picture</p></abstract><abstract><p>Short.</p></abstract></article-meta></front>
<body><p>Loose &nbsp;start.</p><sec><title>Results</title><p>First<xref>1</xref> a &lt; b.
<fig><caption><p>no caption</p></caption></fig></p><sec><title>Inner</title><p>Second.</p>
<table-wrap><table><tr><td>no table</td></tr></table></table-wrap>
<list><list-item><p>Third.</p></list-item></list></sec></sec></body>
<back><ref-list><ref><p>no reference</p></ref></ref-list></back>
<sub-article><body><p>no letter</p></body></sub-article></article>"""
