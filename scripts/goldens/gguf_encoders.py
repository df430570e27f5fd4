#!/usr/bin/env python3
"""The tiny encoders of other goldens as GGUF files, converted by llama.cpp's own converter, with rows of llama.cpp itself.

usage: gguf_encoders.py LLAMA_CPP XLLAMACPP [OUTPUT]

As for gguf_models.py. Writes NAME.gguf and expected.json: of each sequence of ids the mean of its rows by llama.cpp and by
transformers.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"bert": "bert/model", "roberta": "encoders/roberta/model", "distilbert": "encoders/distilbert/model"}
LENGTHS = [24, 2, 9]


def convert(folder: Path, target: Path) -> None:
    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class
    import gguf

    hparams = ModelBase.load_hparams(folder, False)
    found = get_model_class(get_model_architecture(hparams, ModelType.TEXT), mmproj=False)

    def no_vocabulary(self):
        self.gguf_writer.add_token_type_count(self.hparams.get("type_vocab_size", 1))
        self.gguf_writer.add_tokenizer_model("no_vocab")
        self.gguf_writer.add_vocab_size(hparams["vocab_size"])

    made = type("Tiny", (found,), {"set_vocab": no_vocabulary, "model_arch": found.model_arch})
    made(folder, gguf.LlamaFileType.ALL_F32, target, model_name="tiny").write()


def main() -> None:
    source, site = Path(sys.argv[1]), Path(sys.argv[2])
    output = Path(sys.argv[3] if len(sys.argv) > 3 else ROOT / "Tests/Goldens/gguf-encoders")
    sys.path[:0] = [str(source), str(source / "gguf-py"), str(site)]
    from llama_cpp_logits import MEAN, Model

    output.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(11)
    sequences = [[int(token) for token in generator.integers(3, 60, length)] for length in LENGTHS]
    expected = {"sequences": sequences, "models": {}}
    for name, place in FOLDERS.items():
        folder = ROOT / "Tests/Goldens" / place
        convert(folder, output / f"{name}.gguf")
        made = transformers.AutoModel.from_pretrained(folder).eval()
        opened = Model(str(output / f"{name}.gguf"), context=32, pooling=MEAN)
        found = [opened.embedding(ids) for ids in sequences]
        opened.close()
        with torch.no_grad():
            own = [made(torch.tensor([ids])).last_hidden_state[0].mean(0).numpy() for ids in sequences]
        apart = max(float(np.abs(a - b).max()) for a, b in zip(found, own))
        print(f"{name}: llama.cpp and transformers differ by {apart:.1e}, largest {max(float(np.abs(a).max()) for a in own):.2f}")
        expected["models"][name] = {
            maker: [[round(float(value), 6) for value in row] for row in rows]
            for maker, rows in (("llama.cpp", found), ("transformers", own))
        }
    (output / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
