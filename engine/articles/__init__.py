"""Where text comes from: one reader a format, all giving `Article`."""

from engine.articles.article import Article, Section
from engine.articles.options import Options
from engine.articles.source import Skipped, Source

__all__ = ["Article", "Options", "Section", "Skipped", "Source"]
