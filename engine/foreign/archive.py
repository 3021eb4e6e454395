"""Which form a file or folder of weights has, by its content; archives are unpacked member by member, within a budget."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from engine.errors import CheckpointError, sentence
from engine.files import full, is_full, require_space
from engine.foreign import hdf5
from engine.foreign.hdf5 import Report

H5, KERAS, CKPT = "h5", "keras", "ckpt"
CKPT_NAME = "model.ckpt"
_MOST_MEMBERS = 1000
_MOST_SHARDS = 64
_MOST_RATIO = 200
_SMALL_BYTES = 16 << 20  # that much may be packed as tightly as it likes
_COPY_BYTES = 1 << 20


class Weights(NamedTuple):
    """The form of what was given (H5, KERAS or CKPT), and the file (of a CKPT the prefix) to read."""

    form: str
    path: Path


def locate(path: Path, scratch: Path, most_bytes: int, report: Report) -> Weights:
    """What a file or folder is; what is packed is unpacked into `scratch`.

    Args:
        most_bytes: no more is unpacked.

    Raises:
        CheckpointError: it is no form of weights that is read here.
    """
    if path.is_dir():
        return Weights(CKPT, _prefix_in(path))
    if not path.is_file():
        if path.parent.is_dir() and path.with_name(path.name + ".index").is_file():  # as TensorFlow names it
            return Weights(CKPT, path)
        raise CheckpointError("There is nothing at {path}.", path=path)
    with open(path, "rb") as file:
        start = file.read(8)
    if start == hdf5.MAGIC:
        return Weights(H5, path)
    if start.startswith(b"PK"):
        return _unpack(path, scratch, most_bytes, report)
    if path.name.endswith(".index") or ".data-" in path.name:
        return Weights(CKPT, _prefix_in(path.parent, path.name.rsplit(".", 1)[0]))
    raise CheckpointError(_what_it_is(start, path.name))


def _what_it_is(start: bytes, name: str) -> str:
    if start.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return sentence(
            "It is a pickle, which runs code when it is read: save the weights with Keras, or as safetensors."
        )
    if name.endswith(".safetensors"):
        return sentence(
            "A Hugging Face model is used as it is: give its folder (config.json, model.safetensors, vocabulary) as the "
            "preset."
        )
    return sentence(
        "It is no file of weights that is read here: a .ckpt folder or its zip, .keras, .weights.h5 or .h5 was looked "
        "for."
    )


def _prefix_in(folder: Path, stem: str = "") -> Path:
    """The one TensorFlow checkpoint of a folder, without its endings."""
    if (folder / "saved_model.pb").exists():
        raise CheckpointError("It is a SavedModel, which is a program: save the weights alone (.ckpt, .weights.h5).")
    found = sorted(path.name.removesuffix(".index") for path in folder.glob("*.index"))
    found = [name for name in found if stem in ("", name)]
    if len(found) != 1:
        raise CheckpointError(
            "A .ckpt folder holds one NAME.index and its NAME.data files; found {count}: {names}.",
            count=len(found),
            names=", ".join(found[:5])[:300] or "-",
        )
    for path in folder.glob("*"):
        if path.is_symlink():
            raise CheckpointError("{name} is a link to another place: give the files themselves.", name=path.name[:200])
    return folder / found[0]


def _unpack(path: Path, scratch: Path, most_bytes: int, report: Report) -> Weights:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                raise CheckpointError("The archive holds more than {most} files.", most=_MOST_MEMBERS)
            return _unpack_members(archive, members, scratch, most_bytes, report)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        if is_full(error):
            raise full(scratch) from error
        raise CheckpointError("The archive is damaged: {reason}.", reason=str(error)[:200]) from error


def _unpack_members(
    archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], scratch: Path, most_bytes: int, report: Report
) -> Weights:
    names = [member.filename.replace("\\", "/").rsplit("/", 1)[-1] for member in members]
    if "saved_model.pb" in names:
        raise CheckpointError("It is a SavedModel, which is a program: save the weights alone (.ckpt, .weights.h5).")
    if names.count("model.weights.h5") == 1 and "config.json" in names:  # its config.json is never read
        wanted = [(members[names.index("model.weights.h5")], "model.weights.h5")]
        form, result = KERAS, scratch / "model.weights.h5"
    else:
        wanted = list(_ckpt_members(members, names))
        form, result = CKPT, scratch / CKPT_NAME
    _check_budget([member for member, _ in wanted], scratch, most_bytes)
    done = 0
    for member, name in wanted:
        with archive.open(member) as source, open(scratch / name, "wb") as target:
            while block := source.read(_COPY_BYTES):
                target.write(block)
                done += len(block)
                report(done)
    return Weights(form, result)


def _ckpt_members(members: list[zipfile.ZipInfo], names: list[str]) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """The index and data of the one checkpoint in an archive, with the names that they get here."""
    prefixes = [name.removesuffix(".index") for name in names if name.endswith(".index")]
    if len(prefixes) != 1:
        raise CheckpointError(
            "The archive holds neither a .keras model nor one TensorFlow checkpoint (NAME.index and NAME.data files)."
        )
    for member, name in zip(members, names, strict=True):
        ending = name.removeprefix(prefixes[0])
        if name.startswith(prefixes[0]) and (ending == ".index" or ending.startswith(".data-")):
            if not ending.replace("-", "").replace(".", "").isalnum() or len(ending) > 40:
                raise CheckpointError("{name} is no name of a TensorFlow checkpoint's file.", name=name[:200])
            yield member, CKPT_NAME + ending


def _check_budget(wanted: list[zipfile.ZipInfo], scratch: Path, most_bytes: int) -> None:
    total, packed = sum(m.file_size for m in wanted), sum(m.compress_size for m in wanted)
    if len(wanted) > _MOST_SHARDS or len({m.filename for m in wanted}) < len(wanted):
        raise CheckpointError("The archive holds a file twice, or too many of them.")
    if total > most_bytes or (total > _SMALL_BYTES and total > _MOST_RATIO * packed):
        raise CheckpointError(
            "The archive unpacks to {size} MB, more than a GPT-2 of the presets known here needs.", size=total >> 20
        )
    if any(m.flag_bits & 0x1 for m in wanted):
        raise CheckpointError("The archive is encrypted: unpack it first.")
    require_space(scratch, total)
