# The second half of quickstart.sh --mpi: trains 60 steps in one process and in two that mpirun starts, and compares what they leave.
# shellcheck shell=bash disable=SC2154

# As a container's user, who is root, and with more processes than mpirun finds cores.
together=(mpirun --oversubscribe --bind-to none)
[ "$(id -u)" -eq 0 ] && together+=(--allow-run-as-root)

runs=runs/quickstart-mpi-$(date +%Y%m%d-%H%M%S)
train=(train --model models/minilm --train $data/train.jsonl --validation $data/validation.jsonl --budget 72 --steps 60)
step "Train in one process"
"$adalora" "${train[@]}" --output "$runs/one"

step "Train in two, each on its share of the cores"
"${together[@]}" -n 2 "$adalora" "${train[@]}" --output "$runs/two"

step "The same bits"
cmp "$runs/one/adapter/adapter_model.safetensors" "$runs/two/adapter/adapter_model.safetensors"
cmp "$runs/one/ranks.csv" "$runs/two/ranks.csv"
echo "adapters and ranks of one process and of two are the same"

step "Evaluate in two processes"
"${together[@]}" -n 2 "$adalora" evaluate "$runs/two" --data $data/test.jsonl

cat <<TEXT

Next, with more machines (docs/several-machines.md):
  mpirun -n 4 --host node1:2,node2:2 $adalora train …
  $adalora plan --model models/minilm --train $data/train.jsonl --budget 72 --processes 8 --network 10Gb
TEXT
