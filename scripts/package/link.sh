#!/usr/bin/env bash
# link.sh wheel|deb PROGRAM: links the objects of the last release build with Swift's runtime in the program.
#
# For the wheel LAPACKE, libcrypto, zlib and what reads images are put in too, and the other libraries looked for in ../libexec/adalora from where
# the program stands, whatever LD_LIBRARY_PATH says (an rpath, not a runpath: another OpenBLAS may stand there). For Debian
# the system's libraries stay what they are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
kind="$1" program="$2"

swift="$(dirname "$(dirname "$(readlink -f "$(command -v swiftc)")")")"
runtime="$swift/lib/swift_static/linux"
build=.build/release
list="$build/adalora.product/Objects.LinkFileList"
[[ -d $runtime ]] || { echo "link.sh: $runtime is not there; Swift's static libraries are part of the toolchain" >&2; exit 1; }
[[ -s $list ]] || { echo "link.sh: $list is not there; run swift build -c release --product adalora" >&2; exit 1; }

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# FlyingFox can pass requests on to other servers, which takes FoundationNetworking and so libcurl with 25 libraries. adalora
# never does: that file is left out, and the two functions that another one names in passing end the program.
grep -v '/FlyingFox\.build/ProxyHTTPHandler\.swift\.o' "$list" >"$work/objects"
cat >"$work/left_out.c" <<'C'
#include <stdlib.h>
void $s20FoundationNetworking10URLSessionCMa(void) { abort(); }
void $s20FoundationNetworking10URLSessionC6sharedACvgZ(void) { abort(); }
C
"$swift/bin/clang" -O2 -c "$work/left_out.c" -o "$work/left_out.o"

case "$kind" in
wheel)
    # The variant on POSIX threads, whichever the system prefers.
    libraries=(
        -l:liblapacke.a -l:libcrypto.a -l:libjpeg.a -l:libpng16.a -l:libwebp.a -l:libz.a -L/usr/lib/x86_64-linux-gnu/openblas-pthread
        "-Wl,-rpath,\$ORIGIN/../libexec/adalora" -Wl,--disable-new-dtags
    )
    ;;
deb) libraries=(-llapacke -lcrypto -ljpeg -lpng16 -lwebp -lz) ;;
*) exit 64 ;;
esac
"$swift/bin/clang" -fuse-ld=lld -pie -o "$program" -Wl,--gc-sections -Wl,--defsym=main=adalora_main -Wl,--build-id \
    -Wl,-z,relro -Wl,--as-needed "$runtime/x86_64/swiftrt.o" "@$work/objects" "$work/left_out.o" -L "$runtime" -Wl,--start-group \
    -lFoundation -lFoundationEssentials -lFoundationInternationalization -lCoreFoundation \
    -l_FoundationICU -l_FoundationCShims -l_FoundationCollections \
    -lswiftCore -lswift_Concurrency -lswift_StringProcessing -lswift_RegexParser -lswiftSynchronization \
    -lswiftGlibc -lswift_Builtin_float -lswiftDispatch -ldispatch -lBlocksRuntime -Wl,--end-group \
    "${libraries[@]}" -lopenblas -ldnnl -lgomp -lstdc++ -lm
strip "$program"
