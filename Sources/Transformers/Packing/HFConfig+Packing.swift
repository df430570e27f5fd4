import Messages
import ModelFiles

/// How the weights of a folder are packed.
package enum WeightPacking: Sendable, Equatable {
    /// Each tensor by itself
    case none
    /// NF4 or LLM.int8 by bitsandbytes
    case bitsAndBytes
    /// Blocks of ggml's: formats by the names of tensors
    case blocks([String: String])
}

extension HFConfig {
    private static let key = "quantization_config"

    /// What the configuration says of it. Throws for packings that are not read here, by name.
    ///
    /// LLM.int8 takes products with a part of the inputs rounded too; here weights alone are what they were rounded to.
    package func packing() throws -> WeightPacking {
        // MLX writes both, with the same content.
        if let value = value("quantization"), value.object?.isEmpty != true {
            throw packed("quantization", "by MLX")
        }
        guard let value = value(Self.key), value.object?.isEmpty != true, value.array?.isEmpty != true else {
            return .none
        }
        let method = value["quant_method"]?.string
        if method == BlockTensors.method {
            return .blocks(
                try BlockTensors.formats(value) { problem in
                    ModelFileError(
                        file: path, place: Self.key, problem: problem,
                        advice: "pack the model again, or copy the whole folder again")
                })
        }
        let isFourBits = value["load_in_4bit"]?.bool ?? value["_load_in_4bit"]?.bool ?? false
        let isEightBits = value["load_in_8bit"]?.bool ?? value["_load_in_8bit"]?.bool ?? false
        // The oldest configurations name no method.
        guard method == "bitsandbytes" || (method == nil && (isFourBits || isEightBits)) else {
            throw packed(
                Self.key,
                method.map { "by \(Self.names[$0] ?? quoted($0))" } ?? "in a way that it does not name")
        }
        guard isFourBits || isEightBits else {
            throw packed(Self.key, "by bitsandbytes with neither 4 nor 8 bits")
        }
        let type = value["bnb_4bit_quant_type"]?.string ?? "fp4"
        guard !isFourBits || type == "nf4" else {
            throw packed(Self.key, "by bitsandbytes as \(type == "fp4" ? "FP4" : quoted(type))")
        }
        return .bitsAndBytes
    }

    private func packed(_ key: String, _ how: String) -> ModelFileError {
        ModelFileError(
            file: path, place: key, problem: "the weights are quantized \(how), which is not supported",
            advice:
                "take the folder from before (float32, float16, bfloat16), one that bitsandbytes made as NF4 or int8, or a "
                + "GGUF file of the model")
    }

    /// As their makers spell them
    private static let names = [
        "gptq": "GPTQ", "awq": "AWQ", "aqlm": "AQLM", "quanto": "Quanto", "quark": "Quark", "eetq": "EETQ",
        "higgs": "HIGGS", "hqq": "HQQ", "compressed-tensors": "compressed-tensors",
        "fbgemm_fp8": "FBGEMM as FP8",
        "torchao": "torchao", "bitnet": "BitNet", "vptq": "VPTQ", "spqr": "SpQR", "fp8": "blocks of FP8",
        "mxfp4": "MXFP4 of safetensors", "auto-round": "AutoRound", "fp_quant": "FP-Quant", "nvfp4": "NVFP4",
        "sinq": "SINQ", "metal": "Metal kernels", "modelopt": "ModelOpt",
    ]
}
