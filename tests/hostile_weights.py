"""Files of weights as other programs write them, as attackers would, and damaged at random: for the tests and benchmarks."""

import json
import marshal
import pickle
import random
import struct
import zipfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from engine.exchange.foreign import bundle

TOKEN = "layers/reversible_embedding/vars/0"
NORM = "layers/layer_normalization/vars/0"


def forms(model, folder: Path) -> dict[str, Path]:
    """A GPT2CausalLM with a built optimizer, written in every way that Keras and TensorFlow have for it."""
    import tensorflow as tf

    backbone = model.backbone
    backbone.save_weights(folder / "backbone.weights.h5")
    model.save_weights(folder / "model.weights.h5")
    backbone.save(folder / "backbone.keras")
    model.save(folder / "model.keras")
    backbone.save(folder / "backbone.h5")
    model.save(folder / "model.h5")
    for name, parts in {
        "backbone.ckpt": {"model": backbone},
        "with-optimizer.ckpt": {"model": backbone, "optimizer": model.optimizer},
        "causal.ckpt": {"model": model},
    }.items():
        (folder / name).mkdir()
        tf.train.Checkpoint(**parts).write(str(folder / name / "model.ckpt"))
    with zipfile.ZipFile(folder / "ckpt.zip", "w") as archive:
        archive.writestr("README.md", "# a card")
        for path in (folder / "backbone.ckpt").iterdir():
            archive.write(path, f"exported/{path.name}")
    half = folder / "half.weights.h5"
    with h5py.File(folder / "backbone.weights.h5") as source, h5py.File(half, "w") as target:
        source.visititems(
            lambda name, item: (
                target.create_dataset(name, data=item[()].astype("f2")) and None
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return {path.name: path for path in sorted(folder.iterdir())}


def attacks(good: dict[str, Path], folder: Path, canary: Path) -> dict[str, Path]:
    """One hostile file each, made from good ones. `canary` must never come to be, and what lies in `folder`/outside must
    never be read."""
    outside = folder / "outside"
    outside.mkdir()
    with h5py.File(good["backbone.weights.h5"]) as file:
        token, norm = file[TOKEN][()], file[NORM][()]
    with h5py.File(outside / "secret.h5", "w") as file:
        file["numbers"] = token
    (outside / "secret.bin").write_bytes(token.tobytes())
    made: dict[str, Path] = {}

    def h5(name: str, change: Callable[[h5py.File], object], without: str = TOKEN) -> None:
        path = made[f"{name}.weights.h5"] = folder / f"{name}.weights.h5"
        path.write_bytes(good["backbone.weights.h5"].read_bytes())
        with h5py.File(path, "r+") as file:
            if without:
                del file[without]
            change(file)

    def put(name: str, data: np.ndarray, **options) -> Callable[[h5py.File], object]:
        return lambda file: file.create_dataset(name, data=data, **options)

    def declare(name: str, shape: tuple, dtype="f4", **options) -> Callable[[h5py.File], object]:
        return lambda file: file.create_dataset(name, shape, dtype, **options)

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout(token.shape, "f4")
        layout[:] = h5py.VirtualSource(str(outside / "secret.h5"), "numbers", token.shape)
        file.create_virtual_dataset(TOKEN, layout)

    def link(file: h5py.File, target) -> None:
        file[TOKEN] = target

    def many_groups(file: h5py.File) -> None:
        for number in range(25_000):
            file.create_group(f"x/{number}")

    bad, infinite = token.copy(), token.astype("f8")
    bad[1, 1], infinite[1, 1] = np.nan, 1e300
    h5("external-link", lambda f: link(f, h5py.ExternalLink(str(outside / "secret.h5"), "numbers")))
    h5("soft-link", lambda f: link(f, h5py.SoftLink("/" + NORM)))
    h5("virtual", virtual)
    h5("external-storage", declare(TOKEN, token.shape, external=[(str(outside / "secret.bin"), 0, token.nbytes)]))
    h5("shape-bomb", declare(TOKEN, (10**9, token.shape[1])))
    h5("shape-bomb-in-both", declare(TOKEN, (10**9, 10**6)))
    h5("no-numbers", declare(TOKEN, token.shape))
    h5("chunk-bomb", put(TOKEN, token, chunks=(10**6, token.shape[1]), maxshape=(None, None), compression="gzip"))
    h5("filter", put(TOKEN, token, compression="lzf"))
    h5("cycle", lambda f: f.__setitem__("layers/again", f["layers"]), without="")
    h5("deep", lambda f: f.create_group("/".join("d" * 200)), without="")
    h5("many-groups", many_groups, without="")
    h5("strings", lambda f: f.create_dataset(TOKEN, token.shape, h5py.string_dtype()))
    h5("references", lambda f: f.create_dataset(TOKEN, token.shape, h5py.ref_dtype))
    h5("compound", lambda f: f.create_dataset(TOKEN, token.shape, np.dtype([("a", "f4"), ("b", "f4")])))
    h5("integers", put(TOKEN, token.astype("i4")))
    h5("nan", put(TOKEN, bad))
    h5("too-large-for-float32", put(TOKEN, infinite))
    h5("missing", lambda f: None)
    h5("wrong-shape", put(NORM, norm[:-1]), without=NORM)
    h5("scalar", put(TOKEN, np.float32(1)))
    h5("twice-and-different", put("layers/token_embedding/vars/0", token + 1), without="")
    h5("lora", put("layers/transformer_decoder/_self_attention_layer/query_dense/lora_kernel_a", norm), without="")
    h5("thousand-blocks", put("layers/transformer_decoder_9999/_feedforward_layer_norm/vars/0", norm), without="")

    def packed(name: str, *members: tuple[str, bytes], cut: int = 0) -> None:
        path = made[name] = folder / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members:
                archive.writestr(member, content)
        if cut:
            path.write_bytes(path.read_bytes()[:-cut])

    weights = good["backbone.weights.h5"].read_bytes()
    code = marshal.dumps(compile(f"open({str(canary)!r}, 'w')", "x", "eval"))
    function = {
        "class_name": "__lambda__",
        "config": {"code": b64encode(code).decode(), "defaults": None, "closure": None},
    }
    config = json.dumps({"class_name": "Lambda", "config": {"function": function}, "module": "keras.layers"}).encode()
    packed("lambda.keras", ("config.json", config), ("model.weights.h5", weights))
    packed("bomb.keras", ("config.json", b"{}"), ("model.weights.h5", b"\0" * (300 << 20)))
    packed("traversal.keras", ("config.json", b"{}"), ("../../../outside.weights.h5", weights), ("/etc/x", b"x"))
    packed("cut.keras", ("config.json", b"{}"), ("model.weights.h5", weights), cut=70)
    packed("no-hdf5.keras", ("config.json", b"{}"), ("model.weights.h5", b"nothing"))
    packed("many.zip", *((f"{number}.txt", b"") for number in range(40_000)))
    packed("saved-model.zip", ("m/saved_model.pb", b"\x08\x01"), ("m/variables/variables.index", b"x"))
    packed("torch.zip", ("archive/data.pkl", pickle.dumps({})), ("archive/data/0", b"0"))
    encrypted = made["encrypted.keras"] = folder / "encrypted.keras"
    content = bytearray(good["backbone.keras"].read_bytes())
    for mark in (b"PK\x01\x02", b"PK\x03\x04"):
        at = content.find(mark)
        while at >= 0:
            content[at + (8 if mark == b"PK\x01\x02" else 6)] |= 1
            at = content.find(mark, at + 4)
    encrypted.write_bytes(content)

    class Run:
        def __reduce__(self):
            return open, (str(canary), "w")

    for name, raw in {
        "weights.h5": pickle.dumps(Run(), protocol=4),
        "empty.keras": b"",
        "text.h5": b"no weights at all",
        "model.safetensors": struct.pack("<Q", 2) + b"{}",
        "only.index": b"\0" * 100,
    }.items():
        made[name] = folder / name
        made[name].write_bytes(raw)

    def ckpt(name: str, change: Callable[[Path], object]) -> None:
        path = made[name] = folder / name
        path.mkdir()
        for file in good["backbone.ckpt"].iterdir():
            (path / file.name).write_bytes(file.read_bytes())
        change(path)

    index, data = "model.ckpt.index", "model.ckpt.data-00000-of-00001"

    def rewrite(old: bytes, new: bytes) -> Callable[[Path], object]:
        def change(path: Path) -> None:
            content = (path / index).read_bytes()
            assert old in content and len(old) == len(new)
            (path / index).write_bytes(signed(content.replace(old, new)))

        return change

    def linked(path: Path) -> None:
        (path / data).unlink()
        (path / data).symlink_to(outside / "secret.bin")

    # A dimension of a TensorShapeProto is 12 LENGTH 08 VARINT: the vocabulary's two bytes become the most they can say.
    low, high = token.shape[0] & 0x7F | 0x80, token.shape[0] >> 7
    ckpt("shape-bomb.ckpt", rewrite(bytes([0x12, 3, 8, low, high]), bytes([0x12, 3, 8, 0xFF, 0x7F])))
    ckpt("no-data.ckpt", lambda p: (p / data).unlink())
    ckpt("cut-data.ckpt", lambda p: (p / data).write_bytes((p / data).read_bytes()[:-100]))
    ckpt("zero-data.ckpt", lambda p: (p / data).write_bytes(bytes((p / data).stat().st_size)))
    ckpt("cut-index.ckpt", lambda p: (p / index).write_bytes((p / index).read_bytes()[:-10]))
    ckpt("garbage-index.ckpt", lambda p: (p / index).write_bytes(random.Random(1).randbytes(4000)))
    ckpt("two.ckpt", lambda p: (p / "other.index").write_bytes(b"x"))
    ckpt("linked.ckpt", linked)
    ckpt("saved-model.ckpt", lambda p: (p / "saved_model.pb").write_bytes(b"x"))
    return made


def harmless(name: str) -> bool:
    """Whether an attack's payload lies in what is never read, so that the numbers may pass."""
    return name in ("lambda.keras",)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A few flipped bits, a cut, or a piece that stands twice."""
    changed = bytearray(content)
    kind = rng.randrange(3)
    if kind == 0:
        for _ in range(rng.randint(1, 20)):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del changed[rng.randrange(len(changed)) :]
    else:
        a, b = sorted(rng.randrange(len(changed)) for _ in range(2))
        changed[a:a] = changed[a:b]
    return bytes(changed)


# A TensorFlow index is a table of blocks with checksums: a mutation that is to reach the parser behind them is signed anew.


def signed(index: bytes) -> bytes:
    """An index whose blocks of entries have the right checksums again (over content and the type byte)."""
    changed = bytearray(index)
    for start, length in bundle.data_blocks(index):
        value = bundle.checksum(bytes(changed[start : start + length + 1]))
        changed[start + length + 1 : start + length + 5] = struct.pack("<I", value)
    return bytes(changed)


def mutated_behind_checksums(index: bytes, rng: random.Random) -> bytes:
    """Flipped bits in the entries of an index, signed anew."""
    changed = bytearray(index)
    start, length = rng.choice(list(bundle.data_blocks(index)))
    for _ in range(rng.randint(1, 6)):
        changed[start + rng.randrange(length)] ^= 1 << rng.randrange(8)
    return signed(bytes(changed))
