"""What a trainer needs on the shared disk when it works on a node of a cluster, which has no internet."""

from engine.articles import hub, on_disk
from engine.core.errors import ArticlesError, PresetError
from engine.corpus import lookup, preparation
from engine.presets import catalogue
from engine.runs.inputs import articles_path
from engine.runs.settings import RunSettings

_PREPARED_BYTES = 64 << 20  # of articles that are prepared at once, in seconds


def require_fetched(settings: RunSettings, preset: catalogue.Preset) -> None:
    """Makes sure that preset and articles are there; prepares a little of articles.

    Raises:
        PresetError, ArticlesError: they must be fetched or prepared first; says by which command.
    """
    if preset.folder is None:
        raise PresetError(
            "The nodes of a cluster have no internet: export {preset} to a folder first (python -m engine export) and choose "
            "that.",
            preset=preset.reference,
        )
    path, tokenizer = articles_path(settings.articles), catalogue.tokenizer(preset)
    if lookup.find(path, tokenizer) is not None:
        return
    if hub.is_name(settings.articles) or on_disk.total_bytes(path) > _PREPARED_BYTES:
        raise ArticlesError(
            "On a cluster articles are prepared before a run is queued, since its trainers have no internet and would all "
            "prepare them at once: python -m engine prepare --source {articles} --preset {preset}",
            articles=settings.articles,
            preset=preset.reference,
        )
    preparation.prepare(path, tokenizer)
