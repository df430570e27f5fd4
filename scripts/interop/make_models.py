"""Writes tiny random models of every architecture with a real tokenizer each, as transformers saves them.

usage: make_models.py FOLDER

RoBERTa, XLM-RoBERTa (byte-level BPE), CamemBERT, ALBERT, DeBERTa-v3 (Unigram) and MPNet (its own WordPiece) get
tokenizers of the tests, DistilBERT and ELECTRA MiniLM's WordPiece.
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import (
    AlbertConfig, AlbertModel, AutoTokenizer, CamembertConfig, CamembertModel, DebertaV2Config, DebertaV2Model,
    DistilBertConfig, DistilBertModel, ElectraConfig, ElectraModel, MPNetConfig, MPNetModel, MPNetTokenizer,
    PreTrainedTokenizerFast, RobertaConfig, RobertaModel, XLMRobertaConfig, XLMRobertaModel,
)

REPOSITORY = Path(__file__).resolve().parents[2]
SUBWORD = REPOSITORY / "Tests/Goldens/tokenizer/subword"
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


def main() -> None:
    out = Path(sys.argv[1])
    wordpiece = AutoTokenizer.from_pretrained(REPOSITORY / "models/minilm")
    positions = {"max_position_embeddings": 130}
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
