#!/usr/bin/env bash
# Installs what the tests need and runs all of them in release mode. Debug builds of the kernels are 10 to 40
# times slower.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh
scripts/fetch-minilm.sh

swift build -c release --build-tests --explicit-target-dependency-import-check error
# The test runner cannot restart itself as adalora does; it gets the kernel that adalora would choose.
OPENBLAS_CORETYPE="${OPENBLAS_CORETYPE:-$(.build/release/adalora doctor --kernel)}"
export OPENBLAS_CORETYPE
swift test -c release --skip-build "$@"
