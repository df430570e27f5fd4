#!/usr/bin/env bash
# The loops of CVectorKernels as CPUs other than x86-64 have them: the C sources must compile for aarch64, and the tests of
# everything that computes must pass with the portable loops, which a build with ADALORA_PORTABLE_KERNELS=1 has.
#
# Nothing else is compiled anew: the objects of the last `swift build -c release --build-tests` are linked with these loops.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
clang="$(dirname "$(readlink -f "$(command -v swiftc)")")/clang"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

if [[ $(uname -m) = x86_64 ]]; then
    headers=/usr/aarch64-linux-gnu/include
    [[ -d $headers ]] || {
        run=()
        [[ $(id -u) -eq 0 ]] || run=(sudo)
        "${run[@]}" apt-get update -qq
        "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libc6-dev-arm64-cross >/dev/null
    }
    for file in Sources/CVectorKernels/*.c Sources/CCharacterWidths/*.c; do
        "$clang" --target=aarch64-linux-gnu -isystem "$headers" -D_GNU_SOURCE -fblocks -O2 -Wall -Werror \
            -I "${file%/*}/include" -c "$file" -o "$work/aarch64.o"
    done
    echo "C sources: compiled for aarch64"
fi

mkdir "$work/objects"
for file in Sources/CVectorKernels/*.c; do
    "$clang" -DADALORA_PORTABLE_KERNELS -D_GNU_SOURCE -fblocks -fPIC -O2 -Wall -Werror -I Sources/CVectorKernels/include \
        -c "$file" -o "$work/objects/${file##*/}.o"
done
# As SwiftPM links the tests, with other objects in place of CVectorKernels'.
python3 - "$work" >"$work/link.sh" <<'P'
import json, pathlib, re, shlex, sys
work = pathlib.Path(sys.argv[1])
commands = (json.loads(line) for line in re.findall(r"args: (\[.*\])", pathlib.Path(".build/release.yaml").read_text()))
links = [c for c in commands if "-emit-executable" in c and any(a.endswith("PackageTests.xctest") for a in c)]
if len(links) != 1:
    sys.exit("portable-kernels.sh: run swift build -c release --build-tests")
arguments = []
for argument in links[0]:
    if argument.startswith("@"):
        objects = pathlib.Path(argument[1:]).read_text().splitlines()
        kept = [o for o in objects if "/CVectorKernels.build/" not in o]
        if len(kept) == len(objects):
            sys.exit("portable-kernels.sh: the tests have no objects of CVectorKernels")
        kept += sorted(str(o) for o in work.glob("objects/*.o"))
        (work / "list").write_text("\n".join(kept) + "\n")
        argument = f"@{work}/list"
    elif argument.endswith("PackageTests.xctest"):
        argument = f"{work}/portable.xctest"
    arguments.append(argument)
print(shlex.join(arguments))
P
bash "$work/link.sh"
OPENBLAS_CORETYPE="${OPENBLAS_CORETYPE:-$(.build/release/adalora doctor --kernel)}"
export OPENBLAS_CORETYPE
# The bundle stands where the tests look for programs beside it.
bundle=.build/release/portable.xctest
cp "$work/portable.xctest" "$bundle"
trap 'rm -rf "$work" "$bundle"' EXIT
filters=()
for target in "${@:-MatricesTests AutodiffTests TransformersTests TasksTests AdaptersTests TrainingTests}"; do
    for name in $target; do filters+=(--filter "^$name\\."); done
done
status=0
"$bundle" --testing-library swift-testing "${filters[@]}" >"$work/log" 2>&1 || status=$?
grep -a '✘' "$work/log" || true
tail -n 1 "$work/log"
exit "$status"
