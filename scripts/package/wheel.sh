#!/usr/bin/env bash
# wheel.sh WORK FOLDER: a wheel of WORK's program, extras and licences into FOLDER.
#
# pip puts the program itself into `bin`, no Python script that would start it: starting takes as long as without pip. Its
# libraries go to libexec/adalora beside `bin` (pip --target drops what stands in lib), man pages and completions below `share`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work="$1" folder="$2"
libraries="$work/libraries"
mkdir -p "$libraries"
# Of glibc and the kernel
system='^(linux-vdso|ld-linux-x86-64|libc|libm|libdl|libpthread|librt|libresolv)\.so'

LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/openblas-pthread ldd "$work/adalora" | while read -r name arrow path _; do
    [[ $name =~ $system || $name == /* ]] && continue
    [[ $arrow == '=>' && -f $path ]] || { echo "wheel.sh: $name is not found" >&2; exit 1; }
    grep -q "| $name |" "$work/licenses/COMPONENTS.md" || { echo "wheel.sh: $name: licenses.sh does not know it" >&2; exit 1; }
    cp -L "$path" "$libraries/$name"
done
for file in "$work/adalora" "$libraries"/*; do
    newest="$(objdump -T "$file" | grep -o 'GLIBC_2\.[0-9]*' | sort -uV | tail -1)"
    [[ $(printf '%s\nGLIBC_2.36\n' "$newest" | sort -V | tail -1) = GLIBC_2.36 ]] || {
        echo "wheel.sh: ${file##*/} needs $newest; the wheel's tag promises 2.36" >&2
        exit 1
    }
    # Of its own it would go first, and lead elsewhere.
    [[ $file = "$work/adalora" ]] || ! readelf -d "$file" | grep -qE 'R(UN)?PATH' ||
        { echo "wheel.sh: ${file##*/} has a path for libraries of its own" >&2; exit 1; }
done
mkdir -p "$work/extras/share/zsh/site-functions"
mv "$work/extras/share/zsh/vendor-completions/_adalora" "$work/extras/share/zsh/site-functions/"
rmdir "$work/extras/share/zsh/vendor-completions"
wheel="$(python3 scripts/package/wheel.py "$work" "$folder")"
size="$(stat -c %s "$wheel")"
[[ $size -le 70000000 ]] || { echo "wheel.sh: $wheel has $size bytes; 70 MB are allowed" >&2; exit 1; }
echo "$wheel: $((size / 1000000)) MB"
