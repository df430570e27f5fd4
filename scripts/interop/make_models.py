"""Writes tiny random models of every architecture with a real tokenizer each, as transformers saves them.

usage: make_models.py FOLDER

RoBERTa, XLM-RoBERTa (byte-level BPE), CamemBERT, ALBERT, DeBERTa-v3 (Unigram) and MPNet (its own WordPiece) get
tokenizers of the tests, DistilBERT and ELECTRA MiniLM's WordPiece. Each config.json has every optional key that older
checkpoints have, beside what this version of transformers writes; a BERT in bfloat16 has its weights under their older names
too, as bert-base-uncased does.
"""

import json
import re
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import (
    AlbertConfig, AlbertModel, AutoTokenizer, BertConfig, BertForMaskedLM, BertForSequenceClassification, CamembertConfig, CamembertModel, DebertaV2Config, DebertaV2Model,
    DistilBertConfig, DistilBertModel, ElectraConfig, ElectraModel, MPNetConfig, MPNetModel, MPNetTokenizer,
    PreTrainedTokenizerFast, RobertaConfig, RobertaModel, XLMRobertaConfig, XLMRobertaModel,
)

REPOSITORY = Path(__file__).resolve().parents[2]
OLDER = {"weight": "gamma", "bias": "beta"}
SUBWORD = REPOSITORY / "Tests/Goldens/tokenizer/subword"
# Of a base, its own head and how it was made; nothing of it may keep a merged model from opening.
OPTIONAL = {
    "num_labels": 7, "_num_labels": 7, "finetuning_task": "mnli", "_name_or_path": "somewhere/else", "pruned_heads": {},
    "torchscript": False, "output_attentions": False, "output_hidden_states": True, "use_bfloat16": False,
    "is_encoder_decoder": False, "task_specific_params": None, "quantization_config": None, "problem_type": "regression",
    "gradient_checkpointing": False, "max_length": 20, "num_beams": 1, "do_sample": False, "prefix": None,
    "chunk_size_feed_forward": 0, "tie_encoder_decoder": False, "transformers_version": "4.8.2",
}
SIZE = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 96}


def from_file(name: str, padding: str) -> PreTrainedTokenizerFast:
    text = (SUBWORD / name).read_text()
    # SentencePiece's table of 240 kB stands once beside the files.
    text = text.replace("@charsmap", (SUBWORD / "charsmap.txt").read_text().strip())
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(text), pad_token=padding, model_max_length=128)


def save(folder: Path, tokenizer, build) -> None:
    torch.manual_seed(7)
    model = build({"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id})
    with torch.no_grad():
        # transformers' own start of 0.02 leaves so narrow a model nearly the same answer to everything.
        for name, parameter in model.named_parameters():
            if "norm" not in name.lower():
                parameter.normal_(0, 0.15)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    change_config(folder, OPTIONAL)


def change_config(folder: Path, entries: dict) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **entries}, indent=1))


def save_older(folder: Path, tokenizer) -> None:
    """A BERT with a head for masked words and a classifier of its own, in bfloat16."""
    save(folder, tokenizer, lambda fixed: BertForMaskedLM(BertConfig(**SIZE, **fixed, max_position_embeddings=130)))
    tensors = {}
    # The pooler that a BERT for masked words leaves out, and what must stay unused.
    pooled = BertForSequenceClassification(BertConfig.from_pretrained(folder, num_labels=3)).state_dict()
    for name, tensor in {**pooled, **load_file(folder / "model.safetensors")}.items():
        name = re.sub(r"(LayerNorm)\.(weight|bias)$", lambda found: f"{found[1]}.{OLDER[found[2]]}", name)
        # One layer as encoders saved alone call it.
        tensors[name.removeprefix("bert.") if "layer.1." in name else name] = tensor.to(torch.bfloat16).contiguous()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    change_config(folder, {"torch_dtype": "bfloat16", "dtype": "bfloat16", "num_labels": 3, "id2label": {"0": "a", "1": "b", "2": "c"},
                           "label2id": {"a": 0, "b": 1, "c": 2}, "problem_type": "single_label_classification"})


def main() -> None:
    out = Path(sys.argv[1])
    wordpiece = AutoTokenizer.from_pretrained(REPOSITORY / "models/minilm")
    positions = {"max_position_embeddings": 130}
    save_older(out / "bert-older", wordpiece)
    save(out / "roberta", from_file("roberta.json", "<pad>"),
         lambda fixed: RobertaModel(RobertaConfig(**SIZE, **fixed, **positions, type_vocab_size=1),
                                    add_pooling_layer=False))
    save(out / "xlm-roberta", from_file("roberta.json", "<pad>"),
         lambda fixed: XLMRobertaModel(XLMRobertaConfig(**SIZE, **fixed, **positions, type_vocab_size=1),
                                       add_pooling_layer=False))
    save(out / "camembert", from_file("xlm-r.json", "<pad>"),
         lambda fixed: CamembertModel(CamembertConfig(**SIZE, **fixed, **positions, type_vocab_size=1),
                                      add_pooling_layer=False))
    save(out / "distilbert", wordpiece,
         lambda fixed: DistilBertModel(DistilBertConfig(dim=48, n_layers=3, n_heads=4, hidden_dim=96, **fixed, **positions)))
    save(out / "electra", wordpiece, lambda fixed: ElectraModel(ElectraConfig(**SIZE, **fixed, **positions, embedding_size=32)))
    save(out / "albert", from_file("albert.json", "<pad>"),
         lambda fixed: AlbertModel(AlbertConfig(**SIZE, **fixed, **positions, embedding_size=32)))
    # Few buckets, so that rows of this length reach the logarithmic ones.
    save(out / "deberta-v3", from_file("deberta-v3.json", "[PAD]"),
         lambda fixed: DebertaV2Model(DebertaV2Config(
             **SIZE, **fixed, **positions, relative_attention=True, position_buckets=16, norm_rel_ebd="layer_norm",
             share_att_key=True, pos_att_type="p2c|c2p", position_biased_input=False)))
    vocabulary = json.loads((SUBWORD / "mpnet.json").read_text())["model"]["vocab"]
    save(out / "mpnet", MPNetTokenizer(vocab=vocabulary, model_max_length=128),
         lambda fixed: MPNetModel(MPNetConfig(**SIZE, **fixed, **positions)))


main()
