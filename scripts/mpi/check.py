#!/usr/bin/env python3
"""Has the real mpirun start 1 to 4 processes of adalora, and holds what they leave to what one process leaves.

usage: check.py ADALORA [--short | PART…]     (built with the trait MPI; from the root of the repository, with models and data fetched)

Parts: answers, refusals, other_kernels, endings, trials, namespaces, language_model; all of them unless some are named. The short check
is AdaLoRA in 1 to 4 processes, their answers, their ends, and two network namespaces.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ADALORA = sys.argv[1]
ROOT = Path(__file__).resolve().parents[2]
MINILM = ROOT / "models/minilm"
# mpirun itself notices a silent host after 20 s.
KEEPALIVE = [word for name, value in (("time", 10), ("intvl", 2), ("probes", 5)) for word in ("--mca", f"oob_tcp_keepalive_{name}", str(value))]
# Seconds between the signals by which mpirun ends processes
GRACE = ["--mca", "odls_base_sigkill_timeout", "15"]
# Times, and what a machine is; seconds tell time too.
TIMES = {"seconds", "date", "threads", "peakMemoryBytes", "environment"}
SHORT = ["answers", "refusals", "other_kernels", "endings", "namespaces"]
failures = []


def mpirun(count, arguments, launcher=(), **options):
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", *launcher, "-n", str(count), ADALORA, *arguments]
    return started(command, **options)


def started(command, **options):
    """Tells into a file: on a host that is cut off, somebody may hold a pipe open for ever."""
    told = tempfile.TemporaryFile()
    process = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT, **options)
    process.told = told
    return process


def finish(process, limit=600):
    process.wait(timeout=limit)
    process.told.seek(0)
    return process.returncode, process.told.read().decode(errors="replace")


def check(name, is_right, told=""):
    print(("ok    " if is_right else "FAIL  ") + name, flush=True)
    if not is_right:
        failures.append(name)
        print(told[-3000:])


def timeless(value):
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in TIMES}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


def left(run):
    """What a run leaves, without times: bytes of adapters, ranks and triplets, events as values."""
    found = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        if path.is_file() and name.split("/")[0] in ("adapter", "adapter-last") and path.name != "manifest.json":
            found[name] = path.read_bytes()
    for name in ("ranks.csv", "triplets.jsonl"):
        found[name] = (run / name).read_bytes()
    events = [timeless(json.loads(line)) for line in (run / "events.jsonl").read_text().splitlines()]
    found["events"] = [event for event in events if event["event"] not in ("checkpoint", "start", "warning")]
    return found


def differences(one, other):
    return [name for name in sorted(set(one) | set(other)) if one.get(name) != other.get(name)]


SETTINGS = {
    "AdaLoRA on glosses": ["--budget", "72", "--steps", "24", "--evaluate-every", "12", "--adapter-dropout", "0.1"],
    "LoRA": ["--method", "lora", "--average-rank", "2", "--steps", "10"],
    "DoRA": ["--method", "dora", "--average-rank", "2", "--steps", "10"],
    "exchange of triplets": ["--budget", "72", "--allocator", "exchange", "--allocate-every", "4", "--steps", "20"],
}


def train(count, data, output, settings, model=MINILM, launcher=()):
    arguments = ["train", "--model", str(model), "--train", str(data / "train.jsonl"), "--validation", str(data / "validation.jsonl"),
                 "--output", str(output), "--threads", "1", *settings]
    return mpirun(count, arguments, launcher)


def glosses(folder):
    folder.mkdir()
    for part, rows in {"train": 400, "validation": 150, "test": 150}.items():
        source = (ROOT / f"data/wordnet/{part}.jsonl").read_text().splitlines()
        kept = [line for line in source if json.loads(line)["label"].startswith("noun.a")]
        (folder / f"{part}.jsonl").write_text("\n".join(kept[:rows]) + "\n")
    return folder


def same_bits(work, data, names, counts):
    runs = {}
    for name in names:
        settings = SETTINGS[name]
        place = name.replace(" ", "-")
        for count in counts:
            run = work / f"{place}-{count}"
            status, told = finish(train(count, data, run, settings))
            if status != 0:
                check(f"{name}: {count} processes train", False, told)
                continue
            runs[count] = left(run)
            if count > 1:
                check(f"{name}: {count} processes leave what one leaves", not differences(runs[1], runs[count]),
                      str(differences(runs[1], runs[count])))
    return work / "AdaLoRA-on-glosses-1"


def language_model(work):
    model = ROOT / "models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    rows = ROOT / "data/wordnet-chat/train.jsonl"
    if not model.exists() or not rows.exists():
        print("skip  a language model: fetch it by scripts/fetch-smollm2.sh and scripts/make-wordnet-chat.py")
        return
    data = work / "chat"
    data.mkdir()
    lines = rows.read_text().splitlines()
    (data / "train.jsonl").write_text("\n".join(lines[:48]) + "\n")
    (data / "validation.jsonl").write_text("\n".join(lines[48:60]) + "\n")
    found = []
    for count in (1, 2):
        run = work / f"chat-{count}"
        settings = ["--task", "causal-lm", "--budget", "420", "--batch-size", "4", "--accumulate", "2", "--steps", "4"]
        status, told = finish(train(count, data, run, settings, model), 900)
        check(f"a language model with accumulation trains in {count} processes", status == 0, told)
        found.append(left(run) if status == 0 else {})
    check("and leaves what one process leaves", not differences(*found), str(differences(*found)))


def answers(work, data, run):
    for command, flags in {"evaluate": ["--json"], "predict": ["--keep", "all"]}.items():
        outputs = []
        for count in (1, 3):
            process = subprocess.run(
                ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", str(count), ADALORA, command, str(run),
                 "--data", str(data / "test.jsonl"), *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            outputs.append(process.stdout)
        check(f"{command} answers the same bytes in 3 processes", outputs[0] == outputs[1] and len(outputs[0]) > 100, str(outputs)[:2000])


def refusals(data, work):
    status, told = finish(mpirun(2, ["report", str(work)]))
    check("report refuses to be done twice", status != 0 and "not done by several processes" in told, told)
    status, told = finish(mpirun(2, ["predict", str(work / "AdaLoRA-on-glosses-1")]))
    check("predict wants a file", status != 0 and "give the rows as --data FILE" in told, told)
    # Other rows in one process
    other = work / "other"
    other.mkdir()
    for name in ("train.jsonl", "validation.jsonl"):
        shutil.copy(data / name, other / name)
    with open(other / "train.jsonl", "a") as file:
        file.write('{"text": "one more row", "label": "noun.act"}\n')
    script = work / "uneven.sh"
    script.write_text(f'#!/bin/sh\n[ "$OMPI_COMM_WORLD_RANK" = 1 ] && cd {other} || cd {data}\nexec {ADALORA} "$@"\n')
    script.chmod(0o755)
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", str(script), "train", "--model", str(MINILM), "--train",
               "train.jsonl", "--budget", "72", "--steps", "4", "--output", str(work / "uneven")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check("a process with other rows is named", done.returncode != 0 and "process 1 on" in done.stdout, done.stdout)
    check("and no run was begun", not (work / "uneven").exists())


def other_kernels(work, data):
    """Processes of which one has the kernels of an older CPU."""
    script = work / "older.sh"
    script.write_text(f'#!/bin/sh\n[ "$OMPI_COMM_WORLD_RANK" = 1 ] && export OPENBLAS_CORETYPE=Haswell || export OPENBLAS_CORETYPE=Sandybridge\n'
                      f'exec {ADALORA} "$@"\n')
    script.chmod(0o755)
    for flags, is_allowed in (([], False), (["--allow-different-kernels"], True)):
        run = work / f"kernels-{is_allowed}"
        done = subprocess.run(
            ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", "2", str(script), "train", "--model", str(MINILM),
             "--train", str(data / "train.jsonl"), "--budget", "72", "--steps", "60", "--batch-size", "16", "--threads", "1", "--checkpoint-every", "20",
             "--keep-checkpoints", "5", "--output", str(run), *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if is_allowed:
            check("they train together where that is allowed", done.returncode == 0 and (run / "adapter").exists(), done.stdout)
            shutil.rmtree(run / "adapter-last")
            last = max((run / "checkpoints").iterdir(), key=lambda path: int(path.name.split("-")[1]))
            shutil.rmtree(last)
            done = subprocess.run(
                ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", "2", str(script), "train", "--resume",
                 str(run), *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            check("and go on with it", done.returncode == 0, done.stdout)
            done = subprocess.run(
                ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", "2", str(script), "evaluate", str(run),
                 "--data", str(data / "test.jsonl")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            check("an evaluation by other kernels is refused", done.returncode != 0 and "which round differently" in done.stdout, done.stdout)
        else:
            check("other kernels are refused by name", done.returncode != 0 and "which round differently" in done.stdout, done.stdout)


def wait_for_step(run, step, process):
    """Until the run's events tell that step."""
    deadline = time.time() + 300
    while time.time() < deadline and process.poll() is None:
        events = run / "events.jsonl"
        if events.exists() and f'"event":"step","step":{step},' in events.read_text():
            return True
        time.sleep(0.05)
    return False


def workers(run):
    """Process ids of the adalora that train into a run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(run).encode() in words and b"train" in words and b"mpirun" not in words[0]:
                rank = [value for value in (entry / "environ").read_bytes().split(b"\0") if value.startswith(b"OMPI_COMM_WORLD_RANK=")]
                if rank:
                    found.append((int(rank[0].split(b"=")[1]), int(entry.name)))
    return [process for _, process in sorted(found)]


def endings(work, data):
    settings = SETTINGS["AdaLoRA on glosses"]
    whole = left(work / "AdaLoRA-on-glosses-1")
    for name, number in (("SIGTERM to the second process", signal.SIGTERM), ("SIGUSR1 to mpirun", signal.SIGUSR1),
                         ("a killed second process", signal.SIGKILL)):
        run = work / name.replace(" ", "-")
        process = train(3, data, run, settings + ["--checkpoint-every", "5"], launcher=GRACE if number == signal.SIGKILL else ())
        began = wait_for_step(run, 8, process)
        os.kill(process.pid if number == signal.SIGUSR1 else workers(run)[1], number)
        ended = time.time()
        status, told = finish(process)
        check(f"{name} ends all within 60 s, with a status of failure", began and status != 0 and time.time() - ended < 60, told)
        steps = sorted(int(path.name.split("-")[1]) for path in (run / "checkpoints").iterdir() if path.name.startswith("step-"))
        check(f"{name} leaves a state of all steps that were taken", bool(steps) and steps[-1] >= 8, f"{steps}\n{told}")
        process = mpirun(2, ["train", "--resume", str(run), "--threads", "1"])
        status, told = finish(process)
        check(f"{name}: 2 processes go on to the same bits", status == 0 and not differences(whole, left(run)),
              told + str(differences(whole, left(run))))


def namespaces(work, data):
    """Two hosts that are network namespaces, with a line of their own, which is cut in the middle of a run."""
    # What a check that was killed left
    subprocess.run("ip netns del ada0; ip netns del ada1", shell=True, stderr=subprocess.DEVNULL)
    made = subprocess.run("ip netns add ada0 && ip netns add ada1 && ip link add va0 netns ada0 type veth peer name va1 netns ada1",
                          shell=True, stderr=subprocess.PIPE)
    if made.returncode != 0:
        print("skip  two network namespaces: they cannot be made here")
        return
    try:
        for number in (0, 1):
            subprocess.run(f"ip -n ada{number} addr add 10.77.0.{number + 1}/24 dev va{number} && ip -n ada{number} link set va{number} up "
                           f"&& ip -n ada{number} link set lo up", shell=True, check=True)
        agent = work / "agent.sh"
        agent.write_text('#!/bin/sh\nhost=$1; shift\ncase $host in 10.77.0.1) space=ada0 ;; *) space=ada1 ;; esac\n'
                         'exec ip netns exec $space sh -c "$*"\n')
        agent.chmod(0o755)
        def over(arguments):
            command = ["ip", "netns", "exec", "ada0", "mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", *GRACE,
                       *KEEPALIVE, "--host", "10.77.0.1:1,10.77.0.2:1", "--mca", "plm_rsh_agent", str(agent), "--mca", "btl", "tcp,self", "--mca",
                       "btl_tcp_if_include", "10.77.0.0/24", "--mca", "oob_tcp_if_include", "10.77.0.0/24", "-n", "2", ADALORA, *arguments]
            return started(command)
        settings = SETTINGS["AdaLoRA on glosses"]
        whole = left(work / "AdaLoRA-on-glosses-1")
        common = ["train", "--model", str(MINILM), "--train", str(data / "train.jsonl"), "--validation", str(data / "validation.jsonl"),
                  "--threads", "1", *settings]
        run = work / "two-hosts"
        status, told = finish(over([*common, "--output", str(run)]))
        check("two hosts leave what one process leaves", status == 0 and not differences(whole, left(run)), told)
        run = work / "cut-line"
        process = over([*common, "--output", str(run), "--exchange-timeout", "5", "--checkpoint-every", "5"])
        began = wait_for_step(run, 8, process)
        subprocess.run(["ip", "-n", "ada1", "link", "set", "va1", "down"], check=True)
        ended = time.time()
        status, told = finish(process)
        check("a cut line ends the run within 90 s", began and status != 0 and time.time() - ended < 90, told)
        status, told = finish(mpirun(1, ["train", "--resume", str(run), "--threads", "1"]))
        check("and one process goes on to the same bits", status == 0 and not differences(whole, left(run)), told)
    finally:
        subprocess.run("pkill -9 -f '[t]wo-hosts'; pkill -9 -f '[c]ut-line'; ip netns del ada0; ip netns del ada1", shell=True)


def trials(work, data):
    plan = work / "plan.yaml"
    plan.write_text(f"""name: mpi
model: {MINILM}
train: {data}/train.jsonl
validation: {data}/validation.jsonl
test: {data}/test.jsonl
metric: accuracy
average-ranks: [1]
seeds: [42, 43]
search: {{learning-rates: [1e-3, 3e-3], seeds: [7], average-rank: 1, metric: loss}}
baseline: LoRA
settings: {{steps: 4, batch-size: 8}}
arms:
  - {{name: LoRA, settings: {{method: lora}}}}
  - {{name: AdaLoRA, settings: {{method: adalora}}}}
""")
    tables = []
    for count in (1, 2):
        output = work / f"comparison-{count}"
        status, told = finish(mpirun(count, ["compare", str(plan), "--output", str(output), "--threads", "1"]))
        check(f"compare spreads its runs over {count} processes", status == 0, told)
        rows = [json.loads(line) for line in (output / "results.jsonl").read_text().splitlines()]
        tables.append(sorted((row["id"], json.dumps(row["test"]), json.dumps(row["validation"])) for row in rows))
    check("and comes to the same results", tables[0] == tables[1] and len(tables[0]) == 8, str(tables))


def main():
    work = Path(tempfile.mkdtemp(prefix="adalora-mpi-"))
    data = glosses(work / "data")
    named = sys.argv[2:]
    # Of its runs the other parts need the first.
    short = ([next(iter(SETTINGS))], (1, 2, 3, 4) if named == ["--short"] else (1,))
    run = same_bits(work, data, *(short if named else (SETTINGS, (1, 2, 3, 4))))
    parts = {
        "answers": lambda: answers(work, data, run), "refusals": lambda: refusals(data, work), "other_kernels": lambda: other_kernels(work, data),
        "endings": lambda: endings(work, data),
        "trials": lambda: trials(work, data), "namespaces": lambda: namespaces(work, data), "language_model": lambda: language_model(work),
    }
    for part in SHORT if named == ["--short"] else named or parts:
        parts[part]()
    if failures:
        sys.exit(f"{len(failures)} failed: {'; '.join(failures)}; see {work}")
    shutil.rmtree(work)
    print("all passed")


main()
