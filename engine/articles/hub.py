"""Articles from the Hugging Face hub: what a data set holds, and its Parquet files fetched into the hub's own cache.

`ccdv/pubmed-summarization` is the PubMed release in two configurations of the same articles; `document` is taken. Where a data
set has several configurations of other names, one is to be named: `owner/name:configuration`. What is interrupted goes on with the file that it was in: the library keeps whole files, and since its version 2 no part of one.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.core import fields, paths
from engine.core.errors import ArticlesError
from engine.core.files import make_folder, read_json, write_json
from engine.core.progress import OnProgress, Phase, Progress, ignore

# Before the library is imported: a download by plain HTTP can be stopped within a file, which Xet's own client was not
# seen to do.
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")

PREFIX = "hf://"
PUBMED = "ccdv/pubmed-summarization"
_NAME = re.compile(r"(?:hf://(?:datasets/)?)?([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?::([\w.+-]{1,96}))?")
_ENDINGS = {"jsonl", "json", "txt", "csv", "tsv", "parquet", "xml", "nxml", "zip", "md"}
_PREFERRED = ("document", "default")
_NO_CONFIGURATIONS = {
    "data",
    "train",
    "val",
    "valid",
    "validation",
    "dev",
    "test",
}  # folders that are parts of one data set
_TOO_MANY_REQUESTS = 429
_SHOWN_CONFIGURATIONS = 20


@dataclass(frozen=True)
class Listing:
    """What would be fetched.

    Attributes:
        name: owner/name, with :configuration where one was named. revision: the commit. files: name and bytes of each
            Parquet file. configuration: which one they are of; "" where there is only one. others: those that are left.
    """

    name: str
    revision: str
    files: tuple[tuple[str, int], ...]
    configuration: str = ""
    others: tuple[str, ...] = ()

    @property
    def repository(self) -> str:
        """owner/name."""
        return self.name.partition(":")[0]

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
    return match.group(1) + (f":{match.group(2)}" if match.group(2) else "")


def _is_listing(files: object) -> bool:
    return isinstance(files, list) and all(
        isinstance(item, list) and len(item) == 2 and fields.path_text(item[0]) and fields.count(item[1])
        for item in files
    )


def _has(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size


def _marker(name: str) -> Path:
    return paths.corpora_root() / ".hub" / f"{name.replace('/', '--').replace(':', '--')}.json"


def local(name: str) -> Path:
    """The folder that a data set was fetched to, without asking the network.

    Raises:
        ArticlesError: it has not been fetched yet, or files of it are gone.
    """
    name = _plain(name)
    marker = read_json(_marker(name))
    folder = Path(str(marker.get("folder", "")))
    files = marker.get("files", [])
    if not files or not _is_listing(files) or any(not _has(folder / file, size) for file, size in files):
        raise ArticlesError(
            "{name} has not been fetched yet: prepare it under Library › Articles, or with python -m engine prepare --source "
            "{name}.",
            name=name,
        )
    return folder


def list_files(name: str) -> Listing:
    """The Parquet files of a data set and their sizes, asked of the hub; nothing is fetched.

    Raises:
        ArticlesError: no network, no such data set, one whose access must be asked for, none that is kept as Parquet, or
            one of several configurations, none of which was named.
    """
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError

    name = _plain(name)
    repository = name.partition(":")[0]
    try:
        info = huggingface_hub.HfApi().dataset_info(repository, files_metadata=True, timeout=15)
    except HfHubHTTPError as error:
        raise _refused(repository, error) from error
    except Exception as error:  # every transport of the library has errors of its own for a missing network
        raise _offline(repository) from error
    if info.gated and huggingface_hub.get_token() is None:
        raise _gated(repository)
    siblings = info.siblings or []
    found = [(f.rfilename, int(f.size or 0)) for f in siblings if f.rfilename.endswith(".parquet")]
    if not found:
        if any(f.rfilename.endswith(".py") for f in siblings):
            raise ArticlesError(
                "{name} holds no articles, only a script that would fetch them, and scripts from the hub are not run. "
                "{works} holds the articles of PubMed's scientific_papers as files.",
                name=repository,
                works=PUBMED,
            )
        raise ArticlesError("{name} holds no Parquet files: only data sets in that form are fetched.", name=repository)
    chosen, others = _configuration(name, [file for file, _size in found])
    if chosen:
        found = [(file, size) for file, size in found if file.startswith(f"{chosen}/")]
    return Listing(name, info.sha or "main", tuple(sorted(found)), chosen, others)


def _configuration(name: str, files: list[str]) -> tuple[str, tuple[str, ...]]:
    """Which configuration of a data set is taken, "" where it has none, and the others.

    Raises:
        ArticlesError: the one that was named is not there, or there are several and none was named.
    """
    repository, _colon, wanted = name.partition(":")
    tops = sorted({file.split("/")[0] for file in files if "/" in file} - _NO_CONFIGURATIONS)
    chosen = wanted or next((top for top in _PREFERRED if top in tops), "") or (tops[0] if len(tops) == 1 else "")
    if wanted and wanted not in tops:
        raise ArticlesError(
            "{name} has no configuration {wanted}; it has {names}.",
            name=repository,
            wanted=wanted,
            names=", ".join(tops[:_SHOWN_CONFIGURATIONS]) or "-",
        )
    if len(tops) > 1 and not chosen:
        raise ArticlesError(
            "{name} has several configurations, which are other data each: {names}. Name one: {name}:{first}",
            name=repository,
            names=", ".join(tops[:_SHOWN_CONFIGURATIONS]),
            first=tops[0],
        )
    return chosen, tuple(top for top in tops if top != chosen)


def _refused(name: str, error: Exception) -> ArticlesError:
    """What the hub's refusal means."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):  # the library has it as a kind of the next one
        return _gated(name)
    if isinstance(error, RepositoryNotFoundError):
        return ArticlesError("There is no public data set {name} on the Hugging Face hub.", name=name)
    response = getattr(error, "response", None)
    if getattr(response, "status_code", None) == _TOO_MANY_REQUESTS:
        return ArticlesError(
            "The Hugging Face hub has had too many requests from this network: wait some minutes, then ask for {name} again. "
            "Files that are whole are not fetched again.",
            name=name,
        )
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return ArticlesError("The Hugging Face hub refused {name}: {reason}", name=name, reason=reason)


def _gated(name: str) -> ArticlesError:
    return ArticlesError(
        "Access to {name} must be asked for: log in at huggingface.co/datasets/{name}, accept its conditions, then run "
        "“hf auth login” on this machine and ask again.",
        name=name,
    )


def _offline(name: str) -> ArticlesError:
    return ArticlesError(
        "The Hugging Face hub cannot be reached. Without network: fetch the Parquet files of {name} elsewhere "
        "(huggingface.co/datasets/{name}, Files), put them into one folder, and give that folder as the source.",
        name=name,
    )


def _bar(take: Callable[[int], None], raised: list[Exception]) -> type:
    """What the library takes for a progress bar, of one file; what `take` raises is kept in `raised` too."""

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
                take(self._received)
            except Exception as error:
                raised.append(error)
                raise

    return Bar


def fetch(listing: Listing, on_progress: OnProgress = ignore) -> Path:
    """The folder of a data set, fetched file by file into the hub's cache; what is there already is not fetched again.

    Args:
        on_progress: called with each block; what it raises ends the download.

    Raises:
        ArticlesError: the network or the hub fails on the way; the files that are whole stay.
    """
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

    done, folder = 0, Path()
    raised: list[Exception] = []
    for file, size in listing.files:
        on_progress(Progress(done, listing.size, Phase.FETCHING))

        def received(so_far: int, before: int = done) -> None:
            on_progress(Progress(before + so_far, listing.size, Phase.FETCHING))

        try:
            path = Path(
                huggingface_hub.hf_hub_download(
                    listing.repository,
                    file,
                    repo_type="dataset",
                    revision=listing.revision,
                    tqdm_class=_bar(received, raised),
                )
            )
        except Exception as error:
            if error in raised:
                raise
            status = getattr(getattr(error, "response", None), "status_code", None)
            if isinstance(error, GatedRepoError) or (
                isinstance(error, HfHubHTTPError) and status == _TOO_MANY_REQUESTS
            ):
                raise _refused(listing.repository, error) from error
            raise ArticlesError(
                "Fetching {file} of {name} failed: {reason} Ask again: the files that are whole are not fetched again.",
                file=file,
                name=listing.name,
                reason=(str(error).splitlines() or [type(error).__name__])[0],
            ) from error
        for _ in Path(file).parts:
            path = path.parent
        folder, done = path, done + size
    on_progress(Progress(done, listing.size, Phase.FETCHING))
    marker = _marker(listing.name)
    make_folder(marker.parent, parents=True)
    folder = folder / listing.configuration  # another one that is fetched lies beside it
    names = [file.removeprefix(f"{listing.configuration}/") for file, _ in listing.files]
    sizes = [[file, (folder / file).stat().st_size] for file in names]
    write_json(marker, {"folder": str(folder), "revision": listing.revision, "files": sizes})
    return folder
