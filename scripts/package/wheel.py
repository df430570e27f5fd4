#!/usr/bin/env python3
"""wheel.py WORK FOLDER: packs a wheel of WORK's adalora, libraries, extras and licenses, and prints its path.

The same files give the same bytes: entries are sorted and have the time of SOURCE_DATE_EPOCH.
"""

import base64
import hashlib
import os
import pathlib
import sys
import time
import zipfile

TAG = "py3-none-manylinux_2_36_x86_64"
HERE = pathlib.Path(__file__).parent


def metadata(version, licences):
    lines = [
        "Metadata-Version: 2.4",
        "Name: adalora",
        f"Version: {version}",
        "Summary: Fine-tune pretrained transformers on a CPU with adaptive-rank adapters (AdaLoRA)",
        "Keywords: AdaLoRA,LoRA,PEFT,fine-tuning,transformers,GGUF,CPU",
        "License-Expression: Apache-2.0 AND BSD-2-Clause AND BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1"
        " AND LGPL-2.1-or-later AND MIT AND Unicode-3.0 AND Zlib",
        *(f"License-File: {name}" for name in licences),
        "Classifier: Environment :: Console",
        "Classifier: Operating System :: POSIX :: Linux",
        "Classifier: Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Requires-Python: >=3.9",
        "Provides-Extra: peft",
        'Requires-Dist: peft>=0.17; extra == "peft"',
        'Requires-Dist: transformers>=5; extra == "peft"',
        'Requires-Dist: torch; extra == "peft"',
        "Description-Content-Type: text/markdown",
    ]
    return "\n".join(lines) + "\n\n" + (HERE / "python/README.md").read_text(encoding="utf-8")


def main():
    work, folder = map(pathlib.Path, sys.argv[1:])
    version = os.environ["ADALORA_VERSION"]
    info, data = f"adalora-{version}.dist-info", f"adalora-{version}.data"
    entries = {}  # Name to bytes and whether it is a program

    def take(root, place):
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                entries[f"{place}/{path.relative_to(root).as_posix()}"] = (path.read_bytes(), False)

    take(HERE / "python/adalora", "adalora")
    entries[f"{data}/scripts/adalora"] = ((work / "adalora").read_bytes(), True)
    take(work / "libraries", f"{data}/data/libexec/adalora")
    take(work / "extras", f"{data}/data")
    entries[f"{info}/licenses/LICENSE"] = ((HERE / "../../LICENSE").read_bytes(), False)
    take(work / "licenses", f"{info}/licenses")
    licences = sorted(name.removeprefix(f"{info}/licenses/") for name in entries if name.startswith(f"{info}/licenses/"))
    entries[f"{info}/METADATA"] = (metadata(version, licences).encode(), False)
    wheel = f"Wheel-Version: 1.0\nGenerator: adalora {version}\nRoot-Is-Purelib: false\nTag: {TAG}\n"
    entries[f"{info}/WHEEL"] = (wheel.encode(), False)

    record = ""
    for name, (content, _) in sorted(entries.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(content)}\n"
    record += f"{info}/RECORD,,\n"

    when = time.gmtime(max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800))[:6]
    path = folder / f"adalora-{version}-{TAG}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, (content, runs) in [*sorted(entries.items()), (f"{info}/RECORD", (record.encode(), False))]:
            entry = zipfile.ZipInfo(name, when)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if runs else 0o100644) << 16
            archive.writestr(entry, content)
    print(path)


main()
