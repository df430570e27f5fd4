# The README's job, in a bare system: source'd by wheel.sh and deb.sh, which installed `adalora`.
cd /work
for tool in swift swiftc cc gcc clang; do
    ! command -v "$tool" >/dev/null || { echo "$tool is here; the system is not bare" >&2; exit 1; }
done
adalora --version
adalora doctor
kernel="$(adalora doctor --kernel)"
# Where OpenBLAS chose slow kernels the program starts over with better ones, as it does where it was built.
if grep -q avx2 /proc/cpuinfo; then
    LD_PRELOAD=/work/slow.so adalora doctor --json >doctor.json
    grep -q '"kernelChosenByAdalora": true' doctor.json || { echo "slow kernels ($kernel) were kept" >&2; exit 1; }
    grep -qE '"OPENBLAS_CORETYPE": "(SkylakeX|Haswell)"' doctor.json
fi
adalora data check train.jsonl validation.jsonl --model minilm
adalora train --model minilm --train train.jsonl --validation validation.jsonl --budget 36 --steps 12 --output run
adalora ranks run
adalora evaluate run --data test.jsonl
echo '{"text": "a small domesticated feline"}' | adalora predict run --top 3
adalora report run --output report.html
adalora export run --to lora --output lora
[[ -s lora/adapter_model.safetensors && -s report.html ]]
