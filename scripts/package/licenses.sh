#!/usr/bin/env bash
# licenses.sh wheel|deb FOLDER: the licences of all that goes into a package, and COMPONENTS.md, which lists it. Texts of what
# Debian made are Debian's own; a missing one is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
kind="$1" folder="$2"
swift="$(dirname "$(dirname "$(readlink -f "$(command -v swiftc)")")")"
mkdir -p "$folder"
list="$folder/COMPONENTS.md"

# component NAME VERSION LICENCE PLACE FILE AS: FILE is its text, kept as AS.
component() {
    [[ -s $5 ]] || { echo "licenses.sh: $5 is not there, the licence of $1" >&2; exit 1; }
    cp "$5" "$folder/$6"
    echo "| $1 | $2 | $3 | $4 | $6 |" >>"$list"
}
# debian NAME PACKAGE LICENCE PLACE AS
debian() {
    local version source
    version="$(dpkg-query -W -f '${source:Version}' "$2")" source="$(dpkg-query -W -f '${source:Package}' "$2")"
    component "$1" "$version (Debian's source package $source)" "$3" "$4" "/usr/share/doc/$2/copyright" "$5"
}
# pinned REPOSITORY: the version of a Swift package that was built.
pinned() {
    python3 -c 'import json, sys
for pin in json.load(open("Package.resolved"))["pins"]:
    if pin["identity"] == sys.argv[1].lower(): print(pin["state"].get("version") or pin["state"]["revision"])' "$1"
}

cat >"$list" <<'TEXT'
# What is in this package

Beside adalora itself (Apache-2.0, LICENSE), with the files of this folder that hold the licences:

| component | version | licence | where | file |
|---|---|---|---|---|
TEXT
component "Swift's runtime, Foundation and Dispatch" "$(swiftc --version 2>/dev/null | grep -o 'swift-[0-9.]*-RELEASE' | head -1)" \
    "Apache-2.0 with Swift's runtime library exception" "in the program" "$swift/share/swift/LICENSE.txt" swift.txt
component "ICU, in Foundation" "of that Swift" "Unicode-3.0 and others" "in the program" scripts/package/licenses/icu.txt icu.txt
component swift-argument-parser "$(pinned swift-argument-parser)" "Apache-2.0 with Swift's runtime library exception" "in the program" \
    .build/checkouts/swift-argument-parser/LICENSE.txt swift-argument-parser.txt
component Yams "$(pinned Yams)" MIT "in the program" .build/checkouts/Yams/LICENSE yams.txt
component "libyaml, in Yams" "of that Yams" MIT "in the program" scripts/package/licenses/libyaml.txt libyaml.txt
component FlyingFox "$(pinned FlyingFox)" MIT "in the program" .build/checkouts/FlyingFox/LICENSE flyingfox.txt
[[ $kind = wheel ]] || exit 0

debian LAPACKE liblapacke BSD-3-Clause "in the program" lapacke.txt
debian "OpenSSL's libcrypto" libssl3 Apache-2.0 "in the program" openssl.txt
debian zlib zlib1g Zlib "in the program" zlib.txt
debian libjpeg-turbo libjpeg62-turbo "IJG, BSD-3-Clause and Zlib" "in the program" libjpeg-turbo.txt
debian libpng libpng16-16 libpng-2.0 "in the program" libpng.txt
debian libwebp libwebp7 BSD-3-Clause "in the program" libwebp.txt
debian OpenBLAS libopenblas0-pthread BSD-3-Clause libopenblas.so.0 openblas.txt
debian oneDNN libdnnl2 "Apache-2.0 and others" libdnnl.so.2 onednn.txt
debian "OpenCL's loader (ocl-icd)" ocl-icd-libopencl1 BSD-2-Clause libOpenCL.so.1 ocl-icd.txt
gcc="GPL-3.0-or-later with the GCC runtime library exception 3.1"
debian "GCC's OpenMP" libgomp1 "$gcc" libgomp.so.1 gcc.txt
debian "GCC's Fortran" libgfortran5 "$gcc" libgfortran.so.5 gcc.txt
debian "GCC's C++" libstdc++6 "$gcc" libstdc++.so.6 gcc.txt
debian "GCC's support routines" libgcc-s1 "$gcc" libgcc_s.so.1 gcc.txt
debian "GCC's quadruple precision" libquadmath0 LGPL-2.1-or-later libquadmath.so.0 gcc.txt
for text in Apache-2.0 GPL-3 LGPL-2.1; do cp "/usr/share/common-licenses/$text" "$folder/$text.txt"; done
cat >>"$list" <<'TEXT'

Files of Debian name other licences in full as `/usr/share/common-licenses/…`: these are Apache-2.0.txt, GPL-3.txt and
LGPL-2.1.txt here. Libraries with a file of their own are as Debian 12 made them, and may be replaced by others of the same
interface; their sources are Debian's source packages of the versions above, which `apt-get source NAME=VERSION` fetches.
TEXT
