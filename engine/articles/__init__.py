"""Where text comes from: one reader a format, all giving `Article`."""

from engine.articles.article import Article, Section
from engine.articles.source import Skipped, Source, SPLITS

__all__ = ["SPLITS", "Article", "Section", "Skipped", "Source"]
