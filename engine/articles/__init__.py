"""Where text comes from: one reader a format, all giving `Article`."""

from engine.articles.article import Article, Section
from engine.articles.options import Options
from engine.articles.source import SPLITS, Skipped, Source

__all__ = ["SPLITS", "Article", "Options", "Section", "Skipped", "Source"]
