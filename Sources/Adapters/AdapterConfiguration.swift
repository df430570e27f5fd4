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
    /// Ranks of modules; nil for patterns that are not read here
    private let ranks: [(module: String, rank: Int)]?
    /// The modules it says it adapts; nil where it says so in a way that is not read here
    private let targets: Targets?
    /// `base_model_name_or_path`
    let baseModel: String?
    /// Of the file, for messages
    private let path: String

    private enum Targets {
        /// Whole paths, or ends of paths after a dot
        case names([String])
        case pattern(ModulePattern)
    }

    /// Above any rank in use; whatever is written of an adapter has an entry for each.
    private static let largestRank = 10_000
    private static let mostPatterns = 10_000

    init(_ file: URL) throws {
        path = file.path
        let json = try JSONValue.read(file)
        func fault(_ key: String, _ problem: String, _ advice: String) -> ModelFileError {
            ModelFileError(file: file.path, place: key, problem: problem, advice: advice)
        }
        switch json["peft_type"]?.string {
        case "ADALORA": method = .adalora
        case "LORA": method = .lora
        case let other:
            throw fault(
                "peft_type", other.map { "\(quoted($0)) is neither ADALORA nor LORA" } ?? "missing",
                "only these adapters can be loaded")
        }
        guard let alpha = json["lora_alpha"]?.double else {
            throw fault("lora_alpha", "missing or not a number", Self.asSaved)
        }
        let rankKey = method == .adalora ? "init_r" : "r"
        guard let rank = json[rankKey]?.int, 1...Self.largestRank ~= rank else {
            throw fault(
                rankKey, "missing or not a whole number from 1 to \(Self.largestRank)", Self.asSaved)
        }
        self.alpha = alpha
        self.rank = rank
        dividesByRoot = try Self.flag("use_rslora", json, fault)
        try Self.refuse(json, fault)
        for key in ["alpha_pattern", "rank_pattern", "target_modules"] {
            guard json[key]?.object?.count ?? json[key]?.array?.count ?? 0 <= Self.mostPatterns else {
                throw fault(key, "more than \(Self.mostPatterns) entries", Self.asSaved)
            }
        }
        alphas = try method == .lora ? Self.alphas(json, fault) : []
        baseModel = json["base_model_name_or_path"]?.string
        ranks = Self.ranks(json, method)
        targets = Self.targets(json)
    }

    private static let asSaved = "use the folder as it was saved"

    private typealias Fault = (_ key: String, _ problem: String, _ advice: String) -> ModelFileError

    /// False where it is absent or null.
    private static func flag(_ key: String, _ json: JSONValue, _ fault: Fault) throws -> Bool {
        guard let value = json[key], !value.isNull else { return false }
        guard let flag = value.bool else { throw fault(key, "neither true nor false", asSaved) }
        return flag
    }

    private static func alphas(_ json: JSONValue, _ fault: Fault) throws -> [(String, Double)] {
        guard let pattern = json["alpha_pattern"], !pattern.isNull else { return [] }
        guard let members = pattern.object?.members else {
            throw fault("alpha_pattern", "not an object of modules and numbers", asSaved)
        }
        return try members.map { module, value in
            guard let alpha = value.double, module.allSatisfy(isPlain) else {
                throw fault(
                    "alpha_pattern", "\(quoted(module)) is not the name of a module with a number",
                    "patterns other than names are not supported; save the adapter with names")
            }
            return (module, alpha)
        }
    }

    private static func ranks(_ json: JSONValue, _ method: AdapterPlan.Method) -> [(String, Int)]? {
        let members = json["rank_pattern"]?.object?.members ?? []
        let suffix = ".lora_E"
        let ranks = members.compactMap { name, value -> (String, Int)? in
            switch method {
            case .lora: value.int.flatMap { name.allSatisfy(Self.isPlain) ? (name, $0) : nil }
            case .adalora:
                value.array.flatMap { kept in
                    name.hasSuffix(suffix)
                        ? (String(name.dropLast(suffix.count)), kept.count { $0.bool == true }) : nil
                }
            }
        }
        return ranks.count == members.count ? ranks : nil
    }

    private static func targets(_ json: JSONValue) -> Targets? {
        // Each of these takes something away from the targets.
        for key in ["exclude_modules", "layers_to_transform"] where json[key].map({ !$0.isNull }) ?? false {
            return nil
        }
        if let text = json["target_modules"]?.string { return ModulePattern(text).map { .pattern($0) } }
        guard let list = json["target_modules"]?.array else { return nil }
        let names = list.compactMap(\.string)
        return names.count == list.count ? .names(names) : nil
    }

    private static func names(_ name: String, _ module: String) -> Bool {
        module == name || module.hasSuffix("." + name)
    }

    /// The rank that a module has by this file; nil where a pattern that is not read here may say otherwise.
    func rank(of module: String) -> Int? {
        guard let ranks else { return nil }
        return ranks.first { Self.names($0.module, module) }?.rank ?? rank
    }

    /// Whether this file says that a module is adapted.
    func adapts(_ module: String) -> Bool {
        switch targets {
        case .names(let names): names.contains { Self.names($0, module) }
        case .pattern(let pattern): pattern.matches(module)
        case nil: false
        }
    }

    /// s in ΔW = s · B·A
    func factor(of module: String, rank kept: Int) throws -> Float {
        var factor = Float(alpha / (Double(rank) + PEFTFolder.rankOffset))
        if method == .lora {
            // PEFT takes the first pattern that is the whole path or the end of it after a dot.
            let own = alphas.first { Self.names($0.module, module) }
            let divisor = Double(max(kept, 1))
            factor = Float((own?.alpha ?? alpha) / (dividesByRoot ? divisor.squareRoot() : divisor))
        }
        guard factor.isFinite else {
            throw ModelFileError(
                file: path, place: "lora_alpha",
                problem: "the factor of \(module) is beyond the range of F32",
                advice: Self.asSaved)
        }
        return factor
    }

    private static func isPlain(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
    }

    private static func refuse(
        _ json: JSONValue, _ fault: Fault
    ) throws {
        for (key, what) in [
            ("use_dora", "DoRA scales each column anew"), ("fan_in_fan_out", "its matrices are transposed"),
            ("lora_bias", "it has biases of its own"), ("use_qalora", "it works on quantized groups"),
        ] where try flag(key, json, fault) {
            throw fault(key, "\(what), which is not supported", "merge the adapter with PEFT instead")
        }
        for key in ["layer_replication", "megatron_config", "arrow_config", "trainable_token_indices"]
        where json[key].map({ !$0.isNull }) ?? false {
            throw fault(key, "not supported", "merge the adapter with PEFT instead")
        }
        if let bias = json["bias"], !bias.isNull, bias.string != "none" {
            throw fault(
                "bias",
                "\(quoted(bias.string ?? "?")): biases of the base are trained, which is not supported",
                "train it with bias none")
        }
        // These starts take something out of the base's weights.
        let start = json["init_lora_weights"]?.string?.lowercased() ?? ""
        for name in ["pissa", "olora", "loftq", "corda", "lora_ga"] where start.hasPrefix(name) {
            throw fault(
                "init_lora_weights", "\(quoted(start)) changes the base's weights at the start",
                "convert it to plain LoRA with PEFT (save_pretrained with path_initial_model_for_weight_conversion)"
            )
        }
    }
}
