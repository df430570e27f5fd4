#!/usr/bin/env python3
"""adalora --experimental-dump-help | man.py FOLDER: a man page of the program and one of each command."""

import datetime
import json
import os
import re
import sys


def escaped(text):
    """Text of a line: roff's own signs, and what begins a line of commands."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def paragraphs(text):
    """Indented lines are shown as they are, others as running text."""
    lines, shown = [], False
    for line in text.splitlines():
        if not line.strip():
            lines.append(".PP" if not shown else "")
            continue
        if line.startswith(" ") != shown:
            shown = not shown
            lines.append(".nf" if shown else ".fi")
        lines.append(escaped(line))
    if shown:
        lines.append(".fi")
    return lines


def spelled(argument):
    """`--top N`, `-h, --help`, `<run>`: in bold what is typed, in italics what stands for a value."""
    value = "\\fI" + escaped(argument.get("valueName") or "value") + "\\fR"
    if argument["kind"] == "positional":
        return value + (" ..." if argument["isRepeating"] else "")
    names = sorted(argument["names"], key=lambda name: name["kind"] != "short")
    dashes = {"short": "-", "long": "--", "longWithSingleDash": "-"}
    text = ", ".join("\\fB" + escaped(dashes[name["kind"]] + name["name"]) + "\\fR" for name in names)
    return text + (" " + value if argument["kind"] == "option" else "")


def explained(argument):
    """The default and the choices, where the text does not tell them."""
    text = " ".join(filter(None, [argument.get("abstract"), argument.get("discussion")]))
    values = argument.get("allValues")
    if values and not all(value in text for value in values):
        text += f" (values: {', '.join(values)})"
    default = argument.get("defaultValue")
    if default and "default:" not in text:
        text += f" (default: {default})"
    return text


def synopsis(words, arguments):
    optional = [a for a in arguments if a["kind"] != "positional" and a["isOptional"]]
    parts = ["\\fB" + escaped(" ".join(words)) + "\\fR"]
    for argument in arguments:
        if argument["kind"] != "positional" and not argument["isOptional"]:
            parts.append(spelled(argument))
    if optional:
        parts.append("[\\fIoptions\\fR]")
    for argument in arguments:
        if argument["kind"] == "positional":
            parts.append("[" + spelled(argument) + "]" if argument["isOptional"] else spelled(argument))
    return " ".join(parts)


def page(words, command, version, date):
    arguments = [a for a in command.get("arguments", []) if a["shouldDisplay"]]
    commands = [c for c in command.get("subcommands", []) if c["shouldDisplay"] and c["commandName"] != "help"]
    name = "-".join(words)
    lines = [
        f'.TH {escaped(name.upper())} 1 "{date}" "adalora {version}" "User Commands"',
        ".SH NAME",
        # What apropos and whatis index has no full stop.
        f"{escaped(name)} \\- {escaped(command.get('abstract', '').rstrip('.'))}",
        ".SH SYNOPSIS",
        synopsis(words, arguments) + (" \\fIcommand\\fR ..." if commands else ""),
    ]
    if command.get("discussion"):
        lines += [".SH DESCRIPTION"] + paragraphs(command["discussion"])
    if commands:
        lines.append(".SH COMMANDS")
        for sub in commands:
            lines += [".TP", f"\\fB{escaped('-'.join(words + [sub['commandName']]))}\\fR(1)", escaped(sub.get("abstract", ""))]
    for title in dict.fromkeys(a.get("sectionTitle") for a in arguments):
        lines.append(f".SH {escaped(title.upper())}" if title else ".SH OPTIONS")
        for argument in arguments:
            if argument.get("sectionTitle") == title:
                lines += [".TP", spelled(argument), escaped(explained(argument))]
    others = [words[:-1]] if len(words) > 1 else [["adalora", "train"], ["adalora", "doctor"]]
    lines += [".SH SEE ALSO", ", ".join(f"\\fB{escaped('-'.join(other))}\\fR(1)" for other in others)]
    return name, "\n".join(lines) + "\n"


def pages(words, command, version, date):
    yield page(words, command, version, date)
    for sub in command.get("subcommands", []):
        if sub["shouldDisplay"] and sub["commandName"] != "help":
            yield from pages(words + [sub["commandName"]], sub, version, date)


def main():
    folder = sys.argv[1]
    tool = json.load(sys.stdin)
    if tool["serializationVersion"] != 0:
        sys.exit(f"man.py: help of version {tool['serializationVersion']}; this reads version 0")
    version = os.environ["ADALORA_VERSION"]
    day = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    os.makedirs(folder, exist_ok=True)
    for name, text in pages([tool["command"]["commandName"]], tool["command"], version, day.strftime("%Y-%m-%d")):
        with open(os.path.join(folder, name + ".1"), "w", encoding="utf-8") as file:
            file.write(text)


main()
