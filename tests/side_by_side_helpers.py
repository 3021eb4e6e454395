"""Results of samples side by side, made for tests."""

from engine.inference.samples.outcome import Column, GenerationResult, Sample

ENVIRONMENT = {"device": "a processor, 2 cores", "precision": "float32", "versions": {"tensorflow": "2.21.0"}}
NASTY = "<script>alert(1)</script> *bold* ```\nfence `````` 😀 مرحبا"
SETTINGS = {"temperature": 0.8, "top_k": 40, "top_p": 1.0, "beams": 0}


def a_sample(seed=1, pieces=(" new", " cells")) -> Sample:
    ids = list(range(len(pieces)))
    return Sample(seed, "".join(pieces), len(ids), ids, list(pieces), 90.0, True)


def a_result(hash="h" * 64, preset="p" * 64, reference="one/4", **changes) -> GenerationResult:
    column = Column(reference, "one · step 4", hash, preset, [a_sample(1), a_sample(2, (" other", "\n", NASTY))])
    fixed = {"prompt": NASTY, "settings": dict(SETTINGS), "seed": 1, "length": 20, "environment": ENVIRONMENT}
    return GenerationResult(**{**fixed, "columns": [column], **changes})
