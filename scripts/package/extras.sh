#!/usr/bin/env bash
# extras.sh PROGRAM FOLDER: man pages and completions, in the places below `share` where shells and man look.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
program="$1" share="$2/share"
# The program of a wheel finds its libraries only where it is installed; here they are the system's.
"$program" --experimental-dump-help | python3 scripts/package/man.py "$share/man/man1"
for page in "$share"/man/man1/*.1; do
    warnings="$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)"
    [[ -z $warnings ]] || { echo "$page: $warnings" >&2; exit 1; }
done
mkdir -p "$share/bash-completion/completions" "$share/zsh/vendor-completions" "$share/fish/vendor_completions.d"
"$program" --generate-completion-script bash >"$share/bash-completion/completions/adalora"
"$program" --generate-completion-script zsh >"$share/zsh/vendor-completions/_adalora"
"$program" --generate-completion-script fish >"$share/fish/vendor_completions.d/adalora.fish"
