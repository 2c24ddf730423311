#!/usr/bin/env python3
"""query-tee between a real Prometheus and Millrace: all queries of the tables replayed, and random ones.

    tests/tee_judge.py [--millrace PROGRAM] [--query-tee PROGRAM] [--judge PROGRAM] [--count N] [--seed S] [--filter RE]

Both servers run on copies of the generated data. What an older judge answers otherwise than the main branch
stands in testdata/tee. Without a Prometheus 3.x to be had (scripts/judge.sh) the exit code is 77.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from against_prometheus import FEATURES, GENERATED_FILES, ROOT, find_judge  # noqa: E402
from judge import directory, processes, queries, series, times  # noqa: E402

EXPLAINED = ROOT / "testdata" / "tee"
COMPARED = re.compile(r"/api/v1/(query|query_range|query_exemplars|labels|label/[^/]+/values|series|metadata)$")
NEWEST_RELEASE = (3, 14)


def write_requests(path, pattern):
    """The tables' cases as a file of requests; a name that is there several times becomes a list."""
    data = times.of_generated()
    cases = [*queries.query_cases(GENERATED_FILES, data, {}), *queries.endpoint_cases("endpoints.txt", data)]
    lines = []
    for case in cases:
        if not COMPARED.match(case.path) or not re.search(pattern, f"{case.group}: {case.describe()}"):
            continue
        members = {}
        for name, value in case.params:
            members.setdefault(name, []).append(value)
        one = {name: values[0] if len(values) == 1 else values for name, values in members.items()}
        lines.append(json.dumps({"path": case.path, **one}))
    path.write_text("\n".join(dict.fromkeys(lines)) + "\n")
    return len(lines)


def explained_for(version):
    """The file for the judge's release, if it is older than what Millrace follows."""
    if version >= NEWEST_RELEASE:
        return []
    return [f"--explained={EXPLAINED / 'explained-3.5.tsv'}"]


def run(command):
    """(passed, failed) of a run, which may also fail as a whole."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="", flush=True)
    found = re.findall(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
    if not found or (done.returncode != 0) != (int(found[-1][1]) > 0):
        print(f"FAILED {command[1]}: exit status {done.returncode}")
        return 0, 1
    return int(found[-1][0]), int(found[-1][1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millrace", default=str(ROOT / "build/server/millrace"))
    parser.add_argument("--query-tee", default=str(ROOT / "build/query-tee/query-tee"))
    parser.add_argument("--judge", help="a Prometheus 3.x; default: what scripts/judge.sh finds")
    parser.add_argument("--count", type=int, default=5000, help="random queries")
    parser.add_argument("--seed", type=int, default=1, help="of the random queries")
    parser.add_argument("--filter", default="", help="only cases of the tables that match this expression")
    options = parser.parse_args()
    judge_program = find_judge(options.judge)
    source = directory.generated(judge_program)
    explained = explained_for(processes.version_of(judge_program))
    with tempfile.TemporaryDirectory(prefix="millrace-tee-judge-") as name:
        folder = pathlib.Path(name)
        requests = folder / "requests.jsonl"
        print(f"{write_requests(requests, options.filter)} requests of the tables", flush=True)
        with processes.prometheus(judge_program, directory.copy(source, folder / "judge"), features=FEATURES,
                                  name="judge-server") as judge, \
                processes.millrace(options.millrace, directory.copy(source, folder / "tested"), features=FEATURES,
                                   name="tested-server") as tested:
            backends = [f"--backend=http://127.0.0.1:{server.port}" for server in (judge, tested)]
            counts = [run([options.query_tee, "replay", requests, *backends, *explained, "--no-table", "--failures=1000"]),
                      run([options.query_tee, "fuzz", *backends, *explained, f"--count={options.count}",
                           f"--seed={options.seed}", f"--start={series.START}", f"--end={series.START + series.LENGTH}",
                           "--failures=50"])]
    passed, failed = (sum(count) for count in zip(*counts))
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
