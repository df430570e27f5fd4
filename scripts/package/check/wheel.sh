#!/usr/bin/env bash
# In the bare system: installs the wheel from its file alone, and takes it away again.
set -euo pipefail
python3 -m venv /work/venv
PATH=/work/venv/bin:$PATH
pip install --quiet --disable-pip-version-check --no-index --find-links /work adalora
program=/work/venv/bin/adalora
# Whatever is not glibc comes out of the wheel, whatever else is on the machine.
python3 - "$program" <<'P'
import re, subprocess, sys
glibc = re.compile(r"(linux-vdso|ld-linux-x86-64|libc|libm|libdl|libpthread|librt)\.so")
for line in subprocess.run(["ldd", sys.argv[1]], capture_output=True, text=True, check=True).stdout.splitlines():
    path = line.split("=>")[-1].split("(")[0].strip()
    name = path.rsplit("/", 1)[-1]
    if not glibc.match(name) and not path.startswith("/work/venv/bin/../libexec/adalora/"):
        sys.exit(f"{line.strip()}: not of the wheel")
P
. /work/job.sh
[[ $(python3 -m adalora --version) = "$(adalora --version)" ]]
# Found from a link too, as pipx makes them, and whatever libraries stand elsewhere.
ln -s "$program" /work/linked
mkdir /work/empty
touch /work/empty/libopenblas.so.0
LD_LIBRARY_PATH=/work/empty /work/linked --version >/dev/null
[[ -s /work/venv/share/man/man1/adalora-train.1 ]]
pip install --quiet --disable-pip-version-check --no-index --find-links /work --target /work/target adalora
ldd /work/target/bin/adalora | grep -q 'libopenblas.so.0 => /work/target/bin/../libexec/adalora/'
[[ $(PYTHONPATH=/work/target /usr/bin/python3 -m adalora --version) = "$(adalora --version)" ]]
pip uninstall --quiet --yes adalora
[[ -z $(find /work/venv -name '*adalora*' -print -quit) ]]
