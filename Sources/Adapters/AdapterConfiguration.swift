import Foundation
import ModelFiles

/// What of an `adapter_config.json` decides an adapter's values. Whatever would make them mean something else than
/// ΔW = factor · B·A (or B·diag(E)·A) is an error.
struct AdapterConfiguration {
    let method: AdapterPlan.Method
    /// `init_r` of AdaLoRA, `r` of LoRA
    let rank: Int
    private let alpha: Double
    private let alphas: [(module: String, alpha: Double)]
    private let dividesByRoot: Bool
    private let path: String

    init(_ file: URL) throws {
        let json = try JSONValue.read(file)
        path = file.path
        func fault(_ key: String, _ problem: String, _ advice: String) -> ModelFileError {
            ModelFileError(file: file.path, place: key, problem: problem, advice: advice)
        }
        switch json["peft_type"]?.string {
        case "ADALORA": method = .adalora
        case "LORA": method = .lora
        case let other:
            throw fault(
                "peft_type", other.map { "\"\($0)\" is neither ADALORA nor LORA" } ?? "missing",
                "only these adapters can be loaded")
        }
        guard let alpha = json["lora_alpha"]?.double, alpha.isFinite,
            let rank = (method == .adalora ? json["init_r"] : json["r"])?.int, rank > 0
        else {
            throw ModelFileError(
                file: file.path, problem: "lora_alpha or the rank is missing",
                advice: "use the folder as it was saved")
        }
        self.alpha = alpha
        self.rank = rank
        dividesByRoot = json["use_rslora"]?.bool ?? false
        try Self.refuse(json, fault)
        var alphas: [(String, Double)] = []
        for (module, value) in json["alpha_pattern"]?.object?.members ?? [] where method == .lora {
            guard let alpha = value.double, alpha.isFinite, module.allSatisfy(Self.isPlain) else {
                throw fault(
                    "alpha_pattern", "\"\(module)\" is not the name of a module with a number",
                    "patterns other than names are not supported; save the adapter with names")
            }
            alphas.append((module, alpha))
        }
        self.alphas = alphas
    }

    /// s in ΔW = s · B·A
    func factor(of module: String, rank kept: Int) throws -> Float {
        guard method == .lora else { return Float(alpha / (Double(rank) + PEFTFolder.rankOffset)) }
        // PEFT takes the first pattern that is the whole path or the end of it after a dot.
        let own = alphas.first { $0.module == module || module.hasSuffix("." + $0.module) }
        let divisor = Double(max(kept, 1))
        return Float((own?.alpha ?? alpha) / (dividesByRoot ? divisor.squareRoot() : divisor))
    }

    private static func isPlain(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
    }

    private static func refuse(
        _ json: JSONValue, _ fault: (String, String, String) -> ModelFileError
    ) throws {
        for (key, what) in [
            ("use_dora", "DoRA scales each column anew"), ("fan_in_fan_out", "its matrices are transposed"),
            ("lora_bias", "it has biases of its own"), ("use_qalora", "it works on quantized groups"),
        ] where json[key]?.bool == true {
            throw fault(key, "\(what), which is not supported", "merge the adapter with PEFT instead")
        }
        for key in ["layer_replication", "megatron_config", "arrow_config", "trainable_token_indices"]
        where json[key].map({ !$0.isNull }) ?? false {
            throw fault(key, "not supported", "merge the adapter with PEFT instead")
        }
        if let bias = json["bias"]?.string, bias != "none" {
            throw fault(
                "bias", "\"\(bias)\": biases of the base are trained, which is not supported",
                "train it with bias none")
        }
        // These starts take something out of the base's weights.
        let start = json["init_lora_weights"]?.string?.lowercased() ?? ""
        for name in ["pissa", "olora", "loftq", "corda", "lora_ga"] where start.hasPrefix(name) {
            throw fault(
                "init_lora_weights", "\"\(start)\" changes the base's weights at the start",
                "convert it to plain LoRA with PEFT (save_pretrained with path_initial_model_for_weight_conversion)"
            )
        }
    }
}
