"""LoRA trains adapters alone, from the base or a checkpoint, and its checkpoint loads into the plain model."""

import pytest
from training_helpers import settings_of

from engine.corpus import preparation
from engine.evaluation import forgetting, scoring
from engine.models import loading
from engine.presets import catalogue
from engine.runs import checkpoints, needs, references, submission
from engine.runs.references import ModelReference
from engine.services import worker

pytestmark = pytest.mark.slow


def test_lora_trains_adapters_alone_and_its_checkpoint_loads_into_the_plain_model(tiny_preset, sample_folder, root):
    run = submission.submit(settings_of(tiny_preset, sample_folder, lora_rank=2, steps=4, evaluate_steps=2))
    result = worker.work(run)
    assert result["loss"] < result["base_loss"]
    final = checkpoints.of_run(run)[-1]
    points = [e for e in run.events("evaluation") if e["model"] == "run" and not e["whole"] and e["step"] == 4]
    assert points.pop()["split"] == "english"
    model, tokenizer = loading.load(ModelReference(catalogue.find(tiny_preset), final))
    stream = preparation.prepare(sample_folder, tokenizer).tokens("validation")
    part = scoring.part(stream, 32, 256, 1)
    scores = scoring.evaluate(scoring.Scorer(model), stream, tokenizer.token_bytes, 32, part)
    assert scores.loss == pytest.approx(points[0]["loss"], rel=1e-5)


def test_lora_from_a_checkpoint_has_the_bases_and_the_parents_zero_line(tiny_preset, sample_folder, root, eager):
    """So that what it forgot is measured against the base, as that of every other run is."""
    one = submission.submit(settings_of(tiny_preset, sample_folder, name="one", learning_rate=0.05, sample_tokens=1))
    worker.work(one)
    short = {"parent": "one", "steps": 2, "evaluate_steps": 2, "sample_tokens": 1}
    starts = {}
    for name, rank in (("adapters", 2), ("all", 0)):
        run = submission.submit(settings_of(tiny_preset, sample_folder, name=name, lora_rank=rank, **short))
        worker.work(run)
        assert forgetting.of_events(run.events()) is not None
        starts[name] = {
            (e["model"], e["split"]): e["loss"] for e in run.events("evaluation") if not e["whole"] and e["step"] == 0
        }
        assert {e["model"] for e in run.events("sample") if e["step"] == 0} == {"base", "parent"}
        assert {e["model"] for e in run.events("passage") if e["step"] == 0} == {"base", "parent"}
    assert starts["adapters"] == pytest.approx(starts["all"], rel=1e-6)
    first = {("base", e["split"]): e["loss"] for e in one.events("evaluation") if not e["whole"] and e["step"] == 0}
    last = {("parent", e["split"]): e["loss"] for e in one.events("evaluation") if not e["whole"] and e["step"] == 6}
    assert starts["adapters"] == pytest.approx(first | last, rel=1e-5)
    assert abs(starts["adapters"]["base", "english"] - starts["adapters"]["parent", "english"]) > 0.01


def test_lora_trains_query_and_value_and_their_biases(tiny_preset):
    """What the pages, the command line and the settings say that it trains."""
    model, _ = loading.load(references.resolve(str(tiny_preset)))
    model.backbone.enable_lora(2)
    trained = sorted(variable.path.split("/", 1)[1] for variable in model.trainable_variables)
    of_layer = [f"self_attention/{which}/{leaf}" for which in ("query", "value")
                for leaf in ("bias", "lora_kernel_a", "lora_kernel_b")]  # fmt: skip
    assert trained == sorted(model.backbone.num_layers * of_layer)


def test_loras_automatic_rate_is_fifteen_times_the_usual_one():
    """Measured on the mini model: benchmarks/lora_rates.py."""

    def rate(width: int, **changes) -> float:
        return needs.peak_learning_rate(settings_of("p", "a", learning_rate=0.0, **changes), width)

    assert (rate(192), rate(192, lora_rank=4), rate(192, lora_rank=8)) == pytest.approx((2e-3, 3e-2, 3e-2))
    assert rate(768, lora_rank=4) == pytest.approx(1.875e-3)
    assert rate(32, lora_rank=4) == pytest.approx(3e-2)  # no higher than what was tried
    assert needs.peak_learning_rate(settings_of("p", "a", learning_rate=1e-3, lora_rank=4), 192) == 1e-3
