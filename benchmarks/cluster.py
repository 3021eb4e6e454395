"""A hundred runs on a real Slurm of two nodes on this machine: their submission, one look at them, and what is said of them.

    python benchmarks/cluster.py [--runs 100]          (as root, with slurm-wlm, munge and bindfs)

The runs wait (the nodes are drained first), so that nothing is measured but the lab and Slurm's commands.
"""

import argparse
import json
import subprocess
import sys
import time

import bench

sys.path.insert(0, str(bench.PROJECT / "tests"))

LOOK = """
import time
from engine.core import paths
from engine.services.launchers import outlook, slurm, watch
root = paths.checkpoints_root()
times = {}
begun = time.perf_counter(); answer = watch.watch.now(root); times["one_look_seconds"] = time.perf_counter() - begun
begun = time.perf_counter(); answer = watch.Watch().now(root); times["next_look_seconds"] = time.perf_counter() - begun
runs = slurm.runs_of(root)
begun = time.perf_counter()
said = [str(sentence) for run in runs for sentence in outlook.told(run, answer)]
times["sentences_seconds"] = time.perf_counter() - begun
import json; print(json.dumps({"runs": len(runs), "sentences": len(said), "first": said[0], **times}))
"""


def main() -> None:
    """Submits, looks, and prints a line of JSON."""
    import cluster_helpers

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    options = parser.parse_args()
    with cluster_helpers.Cluster() as cluster:
        prepared = cluster.engine("prepare", "--source", "articles/sample", seconds=300)
        assert prepared.returncode == 0, prepared.stderr
        slurm = {**cluster.environment, "HOME": "/root"}
        subprocess.run(["scontrol", "update", "NodeName=ALL", "State=DRAIN", "Reason=benchmark"], env=slurm, check=True)
        command = ["sweep", "--name", "many", "--range", "1-10", "--seeds", str(options.runs), "--steps", "1", "--json"]
        begun = time.perf_counter()
        queued = cluster.engine(*command, seconds=300)
        deadline = time.perf_counter() + 120
        while time.perf_counter() < deadline:
            jobs = cluster.slurm("squeue", "--me", "-h", "-o", "%i").split()
            if len(jobs) >= options.runs:
                break
            time.sleep(0.1)
        submitted = time.perf_counter() - begun
        assert queued.returncode == 0, queued.stderr
        looked = cluster.run(cluster.python, "-c", LOOK, seconds=120)
        assert looked.returncode == 0, looked.stderr
        found = json.loads(looked.stdout.splitlines()[-1])
        print(json.dumps({"jobs": len(jobs), "submission_seconds": round(submitted, 2), **found}))
        cluster.slurm("scancel", "--me")


if __name__ == "__main__":
    main()
