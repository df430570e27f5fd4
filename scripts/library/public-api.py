#!/usr/bin/env python3
"""public-api.py SYMBOLGRAPH LIST [--update]: the public symbols of the library, one declaration a line.

Fails where they are not those of the committed list, and where one has no documentation. --update writes the list anew.
"""
import difflib
import json
import sys
from pathlib import Path


def main():
    graph, listed = Path(sys.argv[1]), Path(sys.argv[2])
    update = "--update" in sys.argv[3:]
    symbols = json.loads(graph.read_text())["symbols"]
    lines, undocumented = set(), []
    for symbol in symbols:
        path = ".".join(symbol["pathComponents"])
        declaration = "".join(part["spelling"] for part in symbol["declarationFragments"])
        lines.add(f"{path}: {' '.join(declaration.split())}")
        # What the compiler derives stands nowhere in the sources.
        if "docComment" not in symbol and "location" in symbol:
            undocumented.append(path)
    found = sorted(lines)
    if undocumented:
        sys.exit("public symbols without documentation; write what each is, with its shape, unit and errors:\n  "
                 + "\n  ".join(sorted(undocumented)))
    if not found:
        sys.exit(f"{graph}: no public symbol; is it the graph of the library?")
    if update:
        listed.write_text("\n".join(found) + "\n")
    known = listed.read_text().splitlines() if listed.exists() else []
    if known != found:
        difference = difflib.unified_diff(known, found, str(listed), "the library", lineterm="", n=0)
        sys.exit("\n".join(difference) + "\nthe public surface changed: where that is meant, run "
                 "scripts/library-check.sh --update, and tell of it in CHANGELOG.md")
    print(f"{len(found)} public symbols, as in {listed}")


main()
