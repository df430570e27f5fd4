# The second half of quickstart.sh --chat: fetches SmolLM2-135M-Instruct as a GGUF of 4 bits, makes instructions about words from
# WordNet, trains under a rank budget, and shows perplexity and answers before and after, which layer got how much rank, and a
# LoRA file for llama.cpp.
# shellcheck shell=bash disable=SC2154

step "Model"
scripts/fetch-smollm2.sh
model=models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

step "Data: what a word means, its category, a sentence with it"
data=data/wordnet-chat
if [ -s $data/train.jsonl ] && [ -s $data/validation.jsonl ] && [ -s $data/test.jsonl ] && [ -s $data/prompts.jsonl ]; then
    echo "$data is there already"
else
    python3 scripts/make-wordnet-chat.py $data
fi

step "A row as the model learns it: what is marked"
"$adalora" data show $data/train.jsonl --row 1 --model $model

# ADALORA_QUICKSTART_STEPS makes it shorter or longer.
steps="${ADALORA_QUICKSTART_STEPS:-80}"
step "Train: 420 triplets for 210 matrices (average rank 2), $steps steps of 16 rows"
run=runs/quickstart-chat
[ -e $run ] && run=runs/quickstart-chat-$(date +%Y%m%d-%H%M%S)
"$adalora" train --model $model --task causal-lm --train $data/train.jsonl --validation $data/validation.jsonl \
    --samples $data/prompts.jsonl --budget 420 --steps "$steps" --output "$run"

step "Test"
"$adalora" evaluate "$run" --data $data/test.jsonl

step "Answers before and after"
"$adalora" generate "$run" --base --system "You are a dictionary. Answer in one line." --max-tokens 48 \
    --prompt 'Which category does the noun "sparrow" belong to?' --prompt 'What does the noun "harbor" mean?'

step "For llama.cpp"
"$adalora" export "$run" --to gguf-lora --output "$run/adapter.gguf"

cat <<TEXT

Next:
  llama-cli -m $model --lora $run/adapter.gguf     with llama.cpp, which honours each matrix's own rank
  $adalora generate $run                    talk to it here, a line a turn
  $adalora ranks $run --history             how the rank moved
  $adalora report $run --output report.html the same as a page
  $adalora export $run --to lora --output FOLDER     for PEFT and vLLM
  your own data: JSONL with messages, prompt and completion, or text; see adalora data show
TEXT
