#!/usr/bin/env bash
# Makes tests/former/runs.tar.xz: run folders as the version that is checked out writes them, by the command line alone, so that
# later versions can be asked to open, resume and show them (tests/test_former.py). Run from the project's folder:
#   bash tests/former/make.sh
set -euo pipefail
export TF_CPP_MIN_LOG_LEVEL=3 ATELIER_STUDIO_IDLE_SECONDS=1
work=$(mktemp -d)
export ATELIER_CHECKPOINTS="$work/checkpoints" ATELIER_CORPORA="$work/corpora"
mkdir -p "$ATELIER_CHECKPOINTS"
here=tests/former
model=(--preset "$here/tiny" --articles "$here/articles" --sequence-length 32 --batch-size 4 --learning-rate 5e-3 --device cpu)
train() { python -m engine train "${model[@]}" "$@"; }

train --name packed --steps 40 --evaluate-steps 40
train --name adapters --steps 10 --evaluate-steps 10 --lora-rank 2 --checkpoint-format ckpt
python -m engine train --plan "$here/report.toml" --preset "$here/tiny" --articles "$here/articles"
python -m engine export packed --format hugging-face --out "$work/hugging-face"
python -m engine import "$work/hugging-face" --preset "$here/tiny" --name imported
python -m engine train --plan "$here/chain.toml" --preset "$here/tiny" --articles "$here/articles" &  # the first stage is paused, so that the second waits
until grep -q '"kind": "checkpoint"' "$ATELIER_CHECKPOINTS"/*chain-1*/events.jsonl 2>/dev/null; do sleep 0.05; done
first=$(basename "$(ls -d "$ATELIER_CHECKPOINTS"/*chain-1*)")
python -m engine pause "$first"
wait
pkill -f "engine.dispatcher $ATELIER_CHECKPOINTS" || true
python -m engine runs
tar -C "$ATELIER_CHECKPOINTS" --exclude='trainer.log' --exclude='.*' -cJf "$here/runs.tar.xz" $(ls "$ATELIER_CHECKPOINTS")
rm -rf "$work"
