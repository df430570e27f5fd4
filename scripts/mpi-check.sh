#!/usr/bin/env bash
# Trains in one process and in several by the real mpirun, and compares adapters, ranks and events; ends processes on the way; and, where
# network namespaces can be made (root), trains over two of them and cuts the line between them.
#
#   scripts/mpi-check.sh [--short | PART…]  builds adalora with MPI into .build-mpi; about 12 minutes, the build not counted
#   ADALORA_MPI=BINARY …                    takes that binary
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${ADALORA_MPI:-}" ]; then
    scripts/install-dependencies.sh --mpi
    swift build -c release --product adalora --traits MPI --scratch-path .build-mpi
    ADALORA_MPI=.build-mpi/release/adalora
fi
scripts/fetch-minilm.sh
[ -s data/wordnet/test.jsonl ] || python3 scripts/make-wordnet.py data/wordnet
exec python3 scripts/mpi/check.py "$(realpath "$ADALORA_MPI")" "$@"
