extension HostileFile {
    /// Trains a language model on rows that are there.
    private static func languageModel(_ name: String, _ problem: String, _ bytes: [UInt8]) -> HostileFile {
        HostileFile(
            name, ["model.gguf", problem],
            arguments: [
                "train", "--model", "model.gguf", "--task", "causal-lm", "--train", "train.jsonl", "--budget",
                "12",
                "--threads", "1", "--output", "run",
            ]
        ) { try $0.write(bytes, to: "model.gguf") }
    }

    static let ggufFiles = [
        languageModel("GGUF that ends in its header", "the file ends", Array("GGUF".utf8) + [3, 0, 0, 0]),
        languageModel(
            "GGUF of more tensors than bytes", "tensors",
            Array("GGUF".utf8) + [3, 0, 0, 0] + [UInt8](repeating: 0x7F, count: 8)
                + [UInt8](repeating: 0, count: 8)),
        languageModel(
            "GGUF in the other byte order", "big-endian",
            Array("GGUF".utf8) + [0, 0, 0, 3] + [UInt8](repeating: 0, count: 16)),
    ]
}
