#!/usr/bin/env python3
"""Circles of types inside a target: fails where more than four files name each other's types in a ring.

Read by words, without comments and texts, so a word that happens to be a type's name counts as that type. An extension
in `Type+Concern.swift` counts as part of the type's file.
"""
import re
import sys
from pathlib import Path

MOST = 4
DECLARATION = re.compile(
    r"^(?:public |package |private |fileprivate |final |indirect )*(?:struct|class|enum|protocol|actor) (\w+)", re.M)


def code(path):
    text = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def uses(target):
    """The files whose types each file names."""
    texts = {path: code(path) for path in sorted(target.rglob("*.swift"))}
    home = {}
    for path, text in texts.items():
        for name in DECLARATION.findall(text):
            home.setdefault(name, path)
    room = {path: home.get(path.stem.split("+")[0], path) if "+" in path.stem else path for path in texts}
    graph = {room[path]: set() for path in texts}
    for path, text in texts.items():
        words = set(re.findall(r"\w+", text))
        graph[room[path]] |= {room[other] for name, other in home.items() if name in words} - {room[path]}
    return graph


def circles(graph):
    """Strongly connected components (Kosaraju), the larger ones first."""
    def walk(start, edges, seen):
        stack, order = [(start, iter(edges[start]))], []
        seen.add(start)
        while stack:
            node, rest = stack[-1]
            following = next((other for other in rest if other not in seen), None)
            if following is None:
                order.append(stack.pop()[0])
            else:
                seen.add(following)
                stack.append((following, iter(edges[following])))
        return order

    seen, order = set(), []
    for node in graph:
        if node not in seen:
            order += walk(node, graph, seen)
    back = {node: [] for node in graph}
    for node, others in graph.items():
        for other in others:
            back[other].append(node)
    seen, found = set(), []
    for node in reversed(order):
        if node not in seen:
            found.append(walk(node, back, seen))
    return sorted(found, key=len, reverse=True)


def main():
    sources = Path(__file__).resolve().parent.parent / "Sources"
    targets = sorted(path for path in sources.iterdir() if any(path.rglob("*.swift")))
    isFine = True
    for target in targets:
        for circle in circles(uses(target)):
            if len(circle) > MOST:
                isFine = False
                print(f"{target.name}: a circle of {len(circle)} files: {', '.join(sorted(p.stem for p in circle))}")
    if not isFine:
        sys.exit(f"at most {MOST} files may name each other's types in a ring")


if __name__ == "__main__":
    main()
