"""`python -m engine.exchange.foreign.child_main MEMORY plain|tensorflow`: inspects files of weights in a process of its own.

It answers one request after the other (engine.core.child_main). `plain` knows HDF5,
safetensors, `.keras` and zip, and passes a TensorFlow checkpoint on, unpacked; `tensorflow` reads those alone, since importing
TensorFlow costs some 600 MB.
"""

import sys
from pathlib import Path
from typing import Any

from engine.core import paths
from engine.core.child_main import Asker
from engine.core.errors import CheckpointError, EngineError, StorageError
from engine.core.files import full, is_full, require_space, sha256
from engine.core.progress import OnProgress
from engine.exchange.foreign import layout

PLAIN, TENSORFLOW = "plain", "tensorflow"
_BESIDE_WEIGHTS_BYTES = 4 << 20  # what HDF5 adds, and what is written while it works


def _read_plain(request: dict[str, Any], asker: Asker) -> None:
    import h5py

    from engine.exchange.foreign import archive, bundle, hdf5, safetensors

    scratch = Path(request["scratch"])
    weights = archive.locate(Path(request["path"]), scratch, request["most_bytes"], asker.on_progress)
    if weights.form == archive.CKPT:
        bundle.check(weights.path)
        asker.say("ckpt", prefix=str(weights.path))
        return
    if weights.form == archive.SAFETENSORS:
        files = safetensors.files(weights.path) if weights.path.is_dir() else [weights.path]
        _check(request, safetensors.arrays(files), {}, weights, asker)
        return
    try:
        with h5py.File(weights.path, "r") as file:
            _check(request, hdf5.arrays(file), {}, weights, asker)
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        # h5py passes the C library's errors on as any of these
        if is_full(error):
            raise full(scratch) from error
        raise CheckpointError("The file is damaged: {reason}", reason=str(error)[:200]) from error


def _read_ckpt(request: dict[str, Any], asker: Asker) -> None:
    from engine.exchange.foreign import archive, ckpt

    # Until the last number has been read: TensorFlow opens the files of numbers when it comes to them.
    with paths.without_pattern(Path(request["prefix"])) as prefix:
        found, names = ckpt.arrays(prefix)
        _check(request, found, names, archive.Weights(archive.CKPT, prefix), asker)


def _check(request: dict[str, Any], found: dict[str, Any], names: dict[str, str], weights: Any, asker: Asker) -> None:
    """Structure first, then which preset it fits, and only then the numbers."""
    from engine.exchange.foreign import hdf5, naming, vocabulary

    folder = weights.path if weights.path.is_dir() else weights.path.parent
    found, program = naming.translated(found, folder, [preset["sizes"] for preset in request["presets"]])
    variables = layout.named((key, names.get(key, "")) for key in found)
    shapes: dict[layout.Variable, tuple[int, ...]] = {}
    for variable, keys in variables.items():
        for key in keys:
            if not found[key].is_float:
                raise CheckpointError("{variable} holds no floating-point numbers.", variable=variable)
            if shapes.setdefault(variable, found[key].shape) != found[key].shape:
                raise CheckpointError("It holds {variable} twice, with different shapes.", variable=variable)
    sizes = layout.sizes(shapes)
    of_size = [preset for preset in request["presets"] if preset["sizes"] == sizes.to_json()]
    if not of_size:
        raise _fits_none(sizes, request["presets"])
    fits = [preset["reference"] for preset in vocabulary.fitting(folder, of_size)]
    out = Path(request["out"])
    require_space(out.parent, layout.float32_bytes(sizes) + _BESIDE_WEIGHTS_BYTES)
    figures = hdf5.write(out, sizes, variables, found, asker.on_progress)
    known = {key for keys in variables.values() for key in keys}
    others = sorted(key for key in found if key not in known and layout.is_weight(key))
    files = _hashes(Path(request["path"]), asker.on_progress)
    asker.say(
        "report",
        form=weights.form,
        program=program,
        files=files,
        sizes=sizes.to_json(),
        fits=fits,
        left_out=others[:20],
        largest=figures["largest"],
        zeros=figures["zeros"],
    )


def _hashes(path: Path, on_progress: OnProgress) -> dict[str, str]:
    """SHA-256 of the file that was given, or of those in the folder that was."""
    if path.is_file():
        of = [path]
    elif path.is_dir():
        of = sorted(path.iterdir())
    else:
        of = sorted(file for file in path.parent.iterdir() if file.name.startswith(f"{path.name}."))
    return {file.name: sha256(file, on_progress) for file in of if file.is_file()}


def _fits_none(found: layout.Sizes, presets: list[dict[str, Any]]) -> CheckpointError:
    def described(s: dict[str, int]) -> str:
        return (
            f"{s['num_layers']} × {s['hidden_dim']} ({s['num_heads']}), {s['vocabulary_size']:,}, "
            f"{s['max_sequence_length']:,}"
        )

    return CheckpointError(
        "It is a GPT-2 of another size than the presets here (layers × width (heads), vocabulary, positions): it has "
        "{found}; {known}. Give the preset that it was trained from.",
        found=described(found.to_json()),
        known="; ".join(f"{preset['title']} {described(preset['sizes'])}" for preset in presets[:6]),
    )


def main() -> int:
    """Answers requests until the other side closes; a problem is a message too."""
    asker, kind = Asker(), sys.argv[2]
    if kind == TENSORFLOW:
        from engine.exchange.foreign import ckpt  # noqa: F401  (the heavy import, before the first request counts)
    else:
        import h5py  # noqa: F401
    for request in asker.requests():
        try:
            (_read_ckpt if kind == TENSORFLOW else _read_plain)(request, asker)
        except EngineError as error:
            asker.say("error", storage=isinstance(error, StorageError), **error.to_json())
        except Exception as error:
            if not is_full(error):
                raise
            asker.say("error", storage=True, **full(request["scratch"]).to_json())
        except MemoryError:
            too_large = CheckpointError("It needs more memory to be read than a GPT-2 of the presets known here does.")
            asker.say("error", storage=False, **too_large.to_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
