#!/usr/bin/env python3
"""Pages of documentation against the program: links, flags, settings, commands, and what the program answers.

    scripts/check-docs.py                   # README.md and docs/*.md: links, anchors, commands, flags, settings
    scripts/check-docs.py --run [PAGE…]     # and run the commands of their console blocks, page by page

A page that is run names what lies in its folder, `<!-- with: minilm wordnet -->`:

    minilm     models/minilm
    wordnet    train.jsonl, validation.jsonl and test.jsonl: 200, 60 and 60 glosses of seven supersenses
    smollm2    model.gguf, SmolLM2-135M-Instruct of 4 bits
    chat       chats.jsonl, 60 rows of instructions about words
    pictures   colours/train, validation and test, folders of images of three colours, lists of them; vit, a tiny ViT with weights that
               nobody trained; shapes, a few drawn shapes with descriptions (scripts/make-shapes.py, which needs Pillow)

Of a block ```console every line that begins with `$ ` is a command; the page's commands run in order in one folder. A block behind
`<!-- not run: REASON -->` is only read. In one behind `<!-- fails -->` each command must fail, and the lines below it must stand in
what it says (`…` is anything); one behind `<!-- writes FILE -->` is written to
that file. Trainings take few steps, and runs that would go on for hours are cut likewise: see `wrapper`.
"""

import argparse
import importlib.util
import itertools
import json
import os
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / ".build/release/adalora"
STEPS = 8
# Few enough that 200 rows have several of each.
CLASSES = {"noun.act", "noun.animal", "noun.artifact", "noun.person", "noun.plant", "verb.change", "verb.motion"}
# Flags of other programs that pages name.
OTHERS = {
    "--mca", "--lora", "--fine-tune-type", "--local-dir", "--extra-index-url", "--no-deps", "--enable-lora", "--lora-modules", "--max-lora-rank",
    "--chat", "--run", "--update", "--break-system-packages",
}


def problem(page, line, text):
    return f"{page.relative_to(ROOT)}:{line}: {text}"


def commands(binary):
    """{words of a command: its flags}, of the program's own description of itself."""
    dump = json.loads(subprocess.run([binary, "--experimental-dump-help"], check=True, capture_output=True).stdout)
    found = {}

    def visit(command, words):
        names = {("--" if name["kind"] == "long" else "-") + name["name"]
                 for argument in command.get("arguments", []) for name in argument.get("names", [])}
        found[words] = names | {"--help", "-h", "--version", "--generate-completion-script"}
        for inner in command.get("subcommands", []):
            visit(inner, words + (inner["commandName"],))

    visit(dump["command"], ())
    return found


def blocks(text):
    """(first line, language, mark, lines) of each fenced block; the mark is the comment on the line before it."""
    lines, found, index = text.split("\n"), [], 0
    while index < len(lines):
        opening = re.match(r"\s*```(\w*)", lines[index])
        if not opening:
            index += 1
            continue
        end = next((i for i in range(index + 1, len(lines)) if re.match(r"\s*```\s*$", lines[i])), len(lines))
        before = lines[index - 1].strip() if index else ""
        mark = re.fullmatch(r"<!-- (.*) -->", before)
        found.append((index + 1, opening.group(1), mark.group(1) if mark else "", lines[index + 1:end]))
        index = end + 1
    return found


def shell(lines, first):
    """[(line, command, lines of its output)] of a console block."""
    found, index = [], 0
    while index < len(lines):
        if not lines[index].startswith("$ "):
            if found:
                found[-1][2].append(lines[index])
            index += 1
            continue
        start, words = index, lines[index][2:]
        while words.endswith("\\"):
            index += 1
            words = words[:-1] + lines[index].strip()
        found.append((first + 1 + start, words, []))
        index += 1
    return found


def slug(heading):
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def bad_links(page, text):
    for match in re.finditer(r"\]\(([^)\s]+)\)", text):
        target, line = match.group(1), text.count("\n", 0, match.start()) + 1
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield problem(page, line, f"no such file: {target}")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            yield problem(page, line, f"no such heading: {target}")


def programs(command):
    """The words of each call of adalora in a line of shell."""
    for part in re.split(r"\|\||&&|[|;]", command):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            continue
        while words and re.match(r"\w+=", words[0]):
            words = words[1:]
        if words and words[0].rsplit("/", 1)[-1] == "adalora":
            yield words[1:]


def bad_words(page, text, known):
    """Commands and flags that the program does not have."""
    every = set().union(*known.values()) | OTHERS
    for first, language, _, lines in blocks(text):
        if language != "console":
            continue
        for line, command, _ in shell(lines, first):
            for words in programs(command):
                name = ()
                while len(name) < len(words) and name + (words[len(name)],) in known:
                    name += (words[len(name)],)
                if not name and words and not words[0].startswith("-"):
                    yield problem(page, line, f"adalora has no command {words[0]}")
                for word in words:
                    flag = word.split("=")[0]
                    if re.match(r"--?[a-z]", word) and flag not in known[name] and flag not in known[()]:
                        yield problem(page, line, f"adalora {' '.join(name)} has no {flag}")
    prose = re.sub(r"```.*?```", lambda block: "\n" * block.group(0).count("\n"), text, flags=re.S)
    for span in re.finditer(r"`([^`\n]+)`", prose):
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", span.group(1)):
            if flag not in every:
                yield problem(page, prose.count("\n", 0, span.start()) + 1, f"no command has {flag}")


def png(pixel, side=16):
    """A picture of side × side; pixel(x, y) gives red, green and blue."""
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + bytes(value for x in range(side) for value in pixel(x, y)) for y in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def pictures(folder):
    """Images whose colour is their class, two lists of them, and a model for them."""
    colours = ["blue", "green", "red"]
    for part, count in {"train": 60, "validation": 24, "test": 24}.items():
        for index in range(count):
            label = colours[index % 3]
            place = folder / "colours" / part / label
            place.mkdir(parents=True, exist_ok=True)
            seed = index + 100 * len(part)

            def pixel(x, y, label=label, seed=seed):
                noise = (x * 7 + y * 13 + seed * 29) % 90
                return [255 - noise if label == colour else noise for colour in ("red", "green", "blue")]

            (place / f"{index}.png").write_bytes(png(pixel))
    rows = ["image,label"] + [f"colours/test/{label}/{index}.png,{label}" for index, label in enumerate(colours)]
    (folder / "colours.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "odd.csv").write_text("\n".join([*rows[:2], "gone.png,red"]) + "\n", encoding="utf-8")
    model = folder / "vit"
    model.mkdir()
    config = {"model_type": "vit", "architectures": ["ViTModel"], "image_size": 16, "patch_size": 4, "num_channels": 3, "hidden_size": 32,
              "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "hidden_act": "gelu", "layer_norm_eps": 1e-12}
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": 16, "width": 16}}
    for name, value in [("config", config), ("preprocessor_config", processor)]:
        (model / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    subprocess.run([BINARY, "init", model], check=True, stderr=subprocess.DEVNULL)
    # Of the drawn shapes a few, with another style and classes.
    if importlib.util.find_spec("PIL") is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "pillow"], check=True)
    subprocess.run([sys.executable, ROOT / "scripts/make-shapes.py", folder / "shapes", "--share", "0.02"], check=True,
                   stdout=subprocess.DEVNULL)


def fixtures(names, folder):
    """Puts what a page needs into the folder where it runs."""
    def rows(source, target, count, wanted=lambda row: True):
        with open(ROOT / source, encoding="utf-8") as lines, open(folder / target, "w", encoding="utf-8") as out:
            out.writelines(itertools.islice(filter(wanted, lines), count))

    def made(file, script, *arguments):
        if not (ROOT / file).exists():
            subprocess.run([ROOT / "scripts" / script, *arguments] if script.endswith(".sh") else
                           [sys.executable, ROOT / "scripts" / script, *arguments], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)

    for name in names:
        if name == "minilm":
            made("models/minilm/config.json", "fetch-minilm.sh")
            (folder / "models").mkdir(exist_ok=True)
            (folder / "models/minilm").symlink_to(ROOT / "models/minilm")
        elif name == "smollm2":
            made("models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "fetch-smollm2.sh")
            (folder / "model.gguf").symlink_to(ROOT / "models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
        elif name == "wordnet":
            made("data/wordnet/test.jsonl", "make-wordnet.py", "data/wordnet")
            for part, count in {"train": 200, "validation": 60, "test": 60}.items():
                rows(f"data/wordnet/{part}.jsonl", f"{part}.jsonl", count, lambda row: json.loads(row)["label"] in CLASSES)
        elif name == "chat":
            made("data/wordnet-chat/test.jsonl", "make-wordnet-chat.py", "data/wordnet-chat")
            rows("data/wordnet-chat/train.jsonl", "chats.jsonl", 60)
            rows("data/wordnet-chat/prompts.jsonl", "prompts.jsonl", 2)
        elif name == "pictures":
            pictures(folder)
        else:
            sys.exit(f"check-docs: no fixture {name}")


def wrapper(folder):
    """`adalora` as pages call it; what takes long takes few steps."""
    path = folder / ".bin"
    path.mkdir()
    script = f"""#!/usr/bin/env bash
case "$1" in
train) [[ " $* " =~ " --resume " || " $* " =~ " --steps " || " $* " =~ " --help " ]] || set -- "$@" --steps {STEPS} ;;
sweep) [[ " $* " =~ " --help " ]] || set -- "$@" --set steps={STEPS} ;;
compare) set -- "$@" --limit 2 ;;
serve) exec timeout --preserve-status -s INT 2 {BINARY} "$@" ;;
esac
exec {BINARY} "$@"
"""
    (path / "adalora").write_text(script, encoding="utf-8")
    (path / "adalora").chmod(0o755)
    return path


def spaces(text):
    return re.sub(r"\s+", " ", text).strip()


def says(expected, output):
    pattern = ".*".join(re.escape(part) for part in spaces(" ".join(expected)).split("…"))
    return re.search(pattern, spaces(output)) is not None


def run(page, text):
    """Runs a page's commands; yields what went otherwise than it says."""
    wanted = re.search(r"^<!-- with: (.*) -->$", text, re.M)
    if not wanted:
        return
    with tempfile.TemporaryDirectory(prefix="adalora-docs-") as name:
        folder = Path(name)
        fixtures(wanted.group(1).split(), folder)
        environment = dict(os.environ, PATH=f"{wrapper(folder)}:{os.environ['PATH']}", COLUMNS="160")
        for first, language, mark, lines in blocks(text):
            if mark.startswith("writes "):
                (folder / mark.removeprefix("writes ")).write_text("\n".join(lines) + "\n", encoding="utf-8")
            if language != "console" or mark.startswith("not run"):
                continue
            for line, command, expected in shell(lines, first):
                began = time.monotonic()
                done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, env=environment, timeout=600,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                output = done.stdout.decode(errors="replace")
                print(f"{page.name}:{line}: {time.monotonic() - began:5.1f} s  {command[:100]}", flush=True)
                if (done.returncode != 0) != (mark == "fails"):
                    yield problem(page, line, f"status {done.returncode} of: {command}\n{output[-1500:]}")
                elif mark == "fails" and not says(expected, output):
                    yield problem(page, line, f"does not say what stands below: {command}\n{output[-1500:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", action="store_true", help="run the commands of the pages")
    parser.add_argument("pages", nargs="*", type=Path, help="pages (default: README.md and docs/*.md)")
    options = parser.parse_args()
    pages = [page.resolve() for page in options.pages] or [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    known, found = commands(BINARY), []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        faults = [*bad_links(page, text), *bad_words(page, text, known)]
        if options.run and not faults:
            faults += run(page, text)
        found += faults
    for text in found:
        print(text, file=sys.stderr)
    print(f"{len(pages)} pages, {len(found)} faults")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
