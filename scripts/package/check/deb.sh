#!/usr/bin/env bash
# In the bare system, with the Debian package installed.
set -euo pipefail
. /work/job.sh
for page in adalora adalora-train adalora-data-check; do [[ -s /usr/share/man/man1/$page.1.gz ]]; done
bash -c '. /usr/share/bash-completion/completions/adalora && complete -p adalora' >/dev/null
[[ -s /usr/share/zsh/vendor-completions/_adalora && -s /usr/share/fish/vendor_completions.d/adalora.fish ]]
dpkg --purge adalora >/dev/null
[[ ! -e /usr/bin/adalora && ! -e /usr/share/doc/adalora ]]
