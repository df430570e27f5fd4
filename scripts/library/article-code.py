#!/usr/bin/env python3
"""article-code.py EXAMPLES ARTICLE…: each Swift listing of the articles stands in an example's source, line by line.

Indentation of the listing as a whole aside. The examples are built and run, so that no article shows code that does not work.
"""
import re
import sys
from pathlib import Path


def stripped(lines):
    """Without the indentation that all lines share, and without spaces at ends."""
    filled = [line for line in lines if line.strip()]
    margin = min(len(line) - len(line.lstrip()) for line in filled) if filled else 0
    return [line[margin:].rstrip() if line.strip() else "" for line in lines]


def occurs(listing, source):
    count = len(listing)
    return any(stripped(source[at:at + count]) == listing for at in range(len(source) - count + 1))


def main():
    examples, articles = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    sources = [path.read_text().splitlines() for path in sorted(examples.rglob("*.swift"))]
    failures, count = [], 0
    for article in articles:
        text = article.read_text()
        for match in re.finditer(r"^```swift\n(.*?)^```$", text, re.M | re.S):
            count += 1
            listing = stripped(match.group(1).splitlines())
            if not any(occurs(listing, source) for source in sources):
                line = text[:match.start()].count("\n") + 1
                failures.append(f"{article}:{line}: the listing stands in no example; change it there and here")
    if failures or not count:
        sys.exit("\n".join(failures) or "no listing in " + ", ".join(map(str, articles)))
    print(f"{count} listings, all in {examples}")


main()
