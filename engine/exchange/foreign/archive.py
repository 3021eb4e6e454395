"""Which form a file or folder of weights has, by its content; archives are unpacked member by member, within a budget."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from engine.core.errors import CheckpointError, sentence
from engine.core.files import full, is_full, require_space
from engine.core.progress import OnProgress, Phase, Progress
from engine.exchange.foreign import hdf5, safetensors
from engine.presets import tokenizers

H5, KERAS, CKPT, SAFETENSORS = "h5", "keras", "ckpt", "safetensors"
CKPT_NAME = "model.ckpt"
_ENDING = ".safetensors"
_KERAS_FILE, _TF_FILE = "model.weights.h5", "tf_model.h5"  # of a keras-hub preset, of a Hugging Face folder
# Of the first two one number is read (engine.exchange.foreign.naming), the others are compared (engine.exchange.foreign.vocabulary).
_BESIDE_FILES = ("config.json", "hparams.json", *tokenizers.ASSET_FILES)
_PICKLES = (".bin", ".pt", ".pth")
_PLAIN_NAME = re.compile(r"[\w.-]{1,150}")
_MOST_MEMBERS = 1000
_MOST_SHARDS = 64
_MOST_RATIO = 200
_SMALL_BYTES = 16 << 20  # that much may be packed as tightly as it likes
_COPY_BYTES = 1 << 20


class Weights(NamedTuple):
    """The form of what was given (H5, KERAS, CKPT or SAFETENSORS), and the file to read: of a CKPT the prefix, of
    SAFETENSORS the file or the folder of its files."""

    form: str
    path: Path


def locate(path: Path, scratch: Path, most_bytes: int, on_progress: OnProgress) -> Weights:
    """What a file or folder is; what is packed is unpacked into `scratch`.

    Args:
        most_bytes: no more is unpacked.

    Raises:
        CheckpointError: it is no form of weights that is read here.
    """
    if path.is_dir():
        return _in_folder(path)
    if not path.is_file():
        if path.parent.is_dir() and path.with_name(path.name + ".index").is_file():  # as TensorFlow names it
            return Weights(CKPT, path)
        raise CheckpointError("There is nothing at {path}.", path=path)
    with open(path, "rb") as file:
        start = file.read(8)
    if start == hdf5.MAGIC:
        return Weights(H5, path)
    if start.startswith(b"PK"):
        return _unpack(path, scratch, most_bytes, on_progress)
    if path.name.endswith(_ENDING):
        return Weights(SAFETENSORS, path)
    if path.name.endswith(".index") or ".data-" in path.name:
        return Weights(CKPT, _prefix_in(path.parent, path.name.rsplit(".", 1)[0]))
    raise CheckpointError(_what_it_is(start, path.name))


def _what_it_is(start: bytes, name: str) -> str:
    if start.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return _pickle()
    if start.startswith(b"GGUF"):
        return sentence(
            "It is a GGUF file of llama.cpp, made from other weights: import the folder that it was made from."
        )
    return sentence(
        "It is no file of weights that is read here: a Hugging Face or keras-hub folder, .safetensors, tf_model.h5, a "
        ".ckpt folder, a zip of one of these, .keras, .weights.h5 or .h5 was looked for."
    )


def _pickle() -> str:
    return sentence(
        "It is a pickle, as PyTorch writes them (pytorch_model.bin), which runs code when it is read. Who trusts it "
        "converts it: AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER) writes model.safetensors, "
        "which is read here."
    )


def _in_folder(folder: Path) -> Weights:
    """The weights of a folder: Hugging Face's, keras-hub's, or a TensorFlow checkpoint's."""
    names = sorted(path.name for path in folder.iterdir())
    _refuse_programs(names)
    if any(name.endswith(_ENDING) for name in names):
        safetensors.files(folder)
        return Weights(SAFETENSORS, folder)
    for name in (_KERAS_FILE, _TF_FILE):
        if name in names:
            return Weights(H5, folder / name)
    if not any(name.endswith(".index") for name in names) and any(name.endswith(_PICKLES) for name in names):
        raise CheckpointError(_pickle())
    return Weights(CKPT, _prefix_in(folder))


def _refuse_programs(names: list[str]) -> None:
    if "saved_model.pb" in names:
        raise CheckpointError("It is a SavedModel, which is a program: save the weights alone (.ckpt, .weights.h5).")


def _prefix_in(folder: Path, stem: str = "") -> Path:
    """The one TensorFlow checkpoint of a folder, without its endings."""
    _refuse_programs([path.name for path in folder.glob("saved_model.pb")])
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


def _unpack(path: Path, scratch: Path, most_bytes: int, on_progress: OnProgress) -> Weights:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                raise CheckpointError("The archive holds more than {most} files.", most=_MOST_MEMBERS)
            return _unpack_members(archive, members, scratch, most_bytes, on_progress)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        if is_full(error):
            raise full(scratch) from error
        raise CheckpointError("The archive is damaged: {reason}.", reason=str(error)[:200]) from error


def _unpack_members(
    archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], scratch: Path, most_bytes: int, on_progress: OnProgress
) -> Weights:
    names = [member.filename.replace("\\", "/").rsplit("/", 1)[-1] for member in members]
    _refuse_programs(names)
    packed = dict(zip(names, members, strict=True))
    beside = [(packed[name], name) for name in _BESIDE_FILES if names.count(name) == 1]
    tensors = [(member, name) for member, name in zip(members, names, strict=True) if name.endswith(_ENDING)]
    if tensors:
        wanted = [*tensors, *beside]
        form, result = SAFETENSORS, scratch
    elif names.count(_KERAS_FILE) == 1 and "config.json" in names:  # its config.json is never read
        wanted = [(packed[_KERAS_FILE], _KERAS_FILE), *(pair for pair in beside if pair[1] != "config.json")]
        form, result = H5 if "tokenizer.json" in names else KERAS, scratch / _KERAS_FILE
    elif names.count(_TF_FILE) == 1:
        wanted = [(packed[_TF_FILE], _TF_FILE), *beside]
        form, result = H5, scratch / _TF_FILE
    elif "data.pkl" in names or (
        any(name.endswith(_PICKLES) for name in names) and not any(name.endswith(".index") for name in names)
    ):
        raise CheckpointError(_pickle())
    else:
        wanted = [*_ckpt_members(members, names), *beside]
        form, result = CKPT, scratch / CKPT_NAME
    for _member, name in wanted:
        if not _PLAIN_NAME.fullmatch(name):
            raise CheckpointError("{name} is no name of a file of weights.", name=name[:200])
    if len({name for _, name in wanted}) < len(wanted):
        raise CheckpointError("The archive holds a file twice, or too many of them.")
    _check_budget([member for member, _ in wanted], scratch, most_bytes)
    done = 0
    for member, name in wanted:
        with archive.open(member) as source, open(scratch / name, "wb") as target:
            while block := source.read(_COPY_BYTES):
                target.write(block)
                done += len(block)
                on_progress(Progress(done, 0, Phase.CHECKING))
    return Weights(form, result)


def _ckpt_members(members: list[zipfile.ZipInfo], names: list[str]) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """The index and data of the one checkpoint in an archive, with the names that they get here."""
    prefixes = [name.removesuffix(".index") for name in names if name.endswith(".index")]
    if len(prefixes) != 1:
        raise CheckpointError(
            "The archive holds neither a .keras model, nor a Hugging Face or keras-hub folder, nor one TensorFlow checkpoint "
            "(NAME.index and NAME.data files)."
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
