#!/usr/bin/env bash
# Installs the Debian packages that are missing: OpenBLAS, LAPACKE, oneDNN, OpenSSL, zlib, libjpeg-turbo, libpng, libwebp, WordNet's data
# files, pip (to fetch the model). With --mpi Open MPI too.
set -euo pipefail

packages=(libopenblas-dev liblapacke-dev libdnnl-dev libssl-dev zlib1g-dev libjpeg-dev libpng-dev libwebp-dev wordnet-base)
command -v python3 >/dev/null || packages+=(python3)
python3 -m pip --version >/dev/null 2>&1 || packages+=(python3-pip)
[ "${1:-}" = --mpi ] && packages+=(libopenmpi-dev openmpi-bin pkg-config)

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

run=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "error: ${missing[*]} must be installed; run as root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    run=(sudo)
fi
echo "installing ${missing[*]}"
"${run[@]}" apt-get update -qq
"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}"
