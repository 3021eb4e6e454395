"""Articles from the Hugging Face hub: what a data set holds, and its Parquet files fetched into the hub's own cache.

`ccdv/pubmed-summarization` is the PubMed release in two configurations of the same articles; `document` is taken. What is
interrupted goes on with the file that it was in: the library keeps whole files, and since its version 2 no part of one.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine import checked, paths
from engine.errors import ArticlesError
from engine.files import make_folder, read_json, write_json

# Before the library is imported: a download by plain HTTP can be stopped within a file, which Xet's own client was not
# seen to do.
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")

PREFIX = "hf://"
PUBMED = "ccdv/pubmed-summarization"
_NAME = re.compile(r"(?:hf://(?:datasets/)?)?([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})")
_ENDINGS = {"jsonl", "json", "txt", "csv", "tsv", "parquet", "xml", "nxml", "zip", "md"}
_PREFERRED = ("document", "default")


@dataclass(frozen=True)
class Listing:
    """What would be fetched.

    Attributes:
        name: owner/name. revision: the commit. files: name and bytes of each Parquet file.
    """

    name: str
    revision: str
    files: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for _, size in self.files)


def is_name(text: str) -> bool:
    """Whether a source is named on the hub: `hf://owner/name`, or `owner/name` where no such path is."""
    if text.startswith(PREFIX):
        return _NAME.fullmatch(text) is not None
    looks_like_a_file = text.rsplit(".", 1)[-1].lower() in _ENDINGS
    return _NAME.fullmatch(text) is not None and not looks_like_a_file and not paths.locate(text).exists()


def _plain(name: str) -> str:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ArticlesError("{name} is no name on the Hugging Face hub: write owner/name.", name=name)
    return match.group(1)


def _is_listing(files: object) -> bool:
    return isinstance(files, list) and all(
        isinstance(item, list) and len(item) == 2 and checked.path_text(item[0]) and checked.count(item[1])
        for item in files
    )


def _has(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size


def _marker(name: str) -> Path:
    return paths.corpora_root() / ".hub" / f"{name.replace('/', '--')}.json"


def local(name: str) -> Path:
    """The folder that a data set was fetched to, without asking the network.

    Raises:
        ArticlesError: it has not been fetched yet, or files of it are gone.
    """
    name = _plain(name)
    kept = read_json(_marker(name))
    folder = Path(str(kept.get("folder", "")))
    files = kept.get("files", [])
    if not files or not _is_listing(files) or any(not _has(folder / file, size) for file, size in files):
        raise ArticlesError(
            "{name} has not been fetched yet: prepare it on the Articles page, or with python -m engine prepare --source "
            "{name}.",
            name=name,
        )
    return folder


def list_files(name: str) -> Listing:
    """The Parquet files of a data set and their sizes, asked of the hub; nothing is fetched.

    Raises:
        ArticlesError: no network, no such data set, or none that is kept as Parquet.
    """
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    name = _plain(name)
    try:
        info = huggingface_hub.HfApi().dataset_info(name, files_metadata=True, timeout=15)
    except RepositoryNotFoundError as error:
        raise ArticlesError("There is no public data set {name} on the Hugging Face hub.", name=name) from error
    except HfHubHTTPError as error:
        raise ArticlesError(
            "The Hugging Face hub refused {name}: {reason}", name=name, reason=str(error).splitlines()[0]
        ) from error
    except Exception as error:  # every transport of the library has errors of its own for a missing network
        raise _offline(name) from error
    found = [(f.rfilename, int(f.size or 0)) for f in info.siblings or [] if f.rfilename.endswith(".parquet")]
    tops = {file.split("/")[0] for file, _ in found if "/" in file}
    chosen = next((top for top in _PREFERRED if top in tops), None)
    if chosen is not None:
        found = [(file, size) for file, size in found if file.startswith(f"{chosen}/")]
    if not found:
        raise ArticlesError("{name} holds no Parquet files: only data sets in that form are fetched.", name=name)
    return Listing(name, info.sha or "main", tuple(sorted(found)))


def _offline(name: str) -> ArticlesError:
    return ArticlesError(
        "The Hugging Face hub cannot be reached. Without network: fetch the Parquet files of {name} elsewhere "
        "(huggingface.co/datasets/{name}, Files), put them into one folder, and give that folder as the source.",
        name=name,
    )


def _bar(report: Callable[[int], None], raised: list[Exception]) -> type:
    """What the library takes for a progress bar, of one file; what `report` raises is kept in `raised` too."""

    class Bar:
        def __init__(self, initial: int = 0, **looks: object) -> None:
            self._received = initial

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def update(self, received: float | None = 1) -> None:
            self._received += int(received or 0)
            try:
                report(self._received)
            except Exception as error:
                raised.append(error)
                raise

    return Bar


def fetch(listing: Listing, report: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """The folder of a data set, fetched file by file into the hub's cache; what is there already is not fetched again.

    Args:
        report: called now and then with bytes done and in all; what it raises ends the download.

    Raises:
        ArticlesError: the network or the hub fails on the way; the files that are whole stay.
    """
    import huggingface_hub

    done, folder = 0, Path()
    raised: list[Exception] = []
    for file, size in listing.files:
        report(done, listing.size)

        def received(so_far: int, before: int = done) -> None:
            report(before + so_far, listing.size)

        try:
            path = Path(
                huggingface_hub.hf_hub_download(
                    listing.name,
                    file,
                    repo_type="dataset",
                    revision=listing.revision,
                    tqdm_class=_bar(received, raised),
                )
            )
        except Exception as error:
            if error in raised:
                raise
            raise ArticlesError(
                "Fetching {file} of {name} failed: {reason} Ask again: the files that are whole are not fetched again.",
                file=file,
                name=listing.name,
                reason=(str(error).splitlines() or [type(error).__name__])[0],
            ) from error
        for _ in Path(file).parts:
            path = path.parent
        folder, done = path, done + size
    report(done, listing.size)
    marker = _marker(listing.name)
    make_folder(marker.parent, parents=True)
    sizes = [[file, (folder / file).stat().st_size] for file, _ in listing.files]
    write_json(marker, {"folder": str(folder), "revision": listing.revision, "files": sizes})
    return folder
