import Foundation
import Messages
import ModelFiles

/// What of an `adapter_config.json` decides an adapter's values. Whatever would make them mean something else than
/// ΔW = factor · B·A (or B·diag(E)·A) is an error.
struct AdapterConfiguration {
    static let fileName = "adapter_config.json"

    /// `peft_type`
    enum Kind: String, CaseIterable {
        case adalora = "ADALORA"
        case lora = "LORA"
        case ia3 = "IA3"
        case norms = "LN_TUNING"

        fileprivate var hasRanks: Bool { self == .adalora || self == .lora }
    }

    let kind: Kind
    /// P·Λ·Q in place of B·A
    var hasSingularValues: Bool { kind == .adalora }
    /// What follows `lora_A` and `lora_B` in the names of tensors.
    var weightSuffix: String { hasSingularValues ? "" : ".weight" }
    /// `init_r` of AdaLoRA, `r` of LoRA, 0 of what has no ranks
    let rank: Int
    private let alpha: Double
    private let alphas: [(module: ModuleKey, alpha: Double)]
    private let dividesByRoot: Bool
    /// Whether B and A start at a part of the base's weights, which is taken off them; nil where they do not.
    let weightStart: LoRASettings.Start?
    /// Whether each module has a magnitude vector (DoRA).
    let hasMagnitudes: Bool
    /// Ranks of modules; nil for patterns that are not read here
    private let ranks: [(module: ModuleKey, rank: Int)]?
    /// The modules it says it adapts; nil where it says so in a way that is not read here
    private let targets: Targets?
    /// Of (IA)³ the modules whose input is scaled; nil where it says so in a way that is not read here
    private let feedForward: Targets?
    /// `modules_to_save`
    let saved: [String]
    /// Whether it says that biases of the base were trained, all or those of the adapted modules
    let trainsBiases: Bool
    /// `lora_bias`: B has a bias of its own
    let hasOwnBiases: Bool
    /// `fan_in_fan_out`; nil where it is not said
    private let isOfConv1D: Bool?
    /// `base_model_name_or_path`
    let baseModel: String?
    /// `task_type`
    let taskType: String?
    /// Fields whose meaning is not known here, with values that can hardly say that something else is computed
    let warnings: [String]
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
        let type = json["peft_type"]?.string
        guard let kind = type.flatMap(Kind.init) else {
            let known = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw fault(
                "peft_type", type.map { "\(quoted($0)) is none of \(known)" } ?? "missing",
                "only these adapters can be loaded")
        }
        self.kind = kind
        (alpha, rank) = kind.hasRanks ? try Self.size(kind, json, fault) : (1, 0)
        dividesByRoot = try Self.flag("use_rslora", json, fault)
        hasOwnBiases = try Self.flag("lora_bias", json, fault)
        hasMagnitudes = try Self.flag("use_dora", json, fault)
        let conv1D = try Self.flag(Self.conv1DKey, json, fault)
        isOfConv1D = (json[Self.conv1DKey].map { !$0.isNull } ?? false) ? conv1D : nil
        if hasOwnBiases && hasMagnitudes {
            throw fault("lora_bias", "PEFT has no DoRA with biases of B", Self.asSaved)
        }
        try Self.refuse(json, fault)
        weightStart = Self.weightStart(json)
        trainsBiases = try Self.trainsBiases(json, fault)
        warnings = try Self.unknownFields(json, fault).map { "\(file.path): \($0)" }
        for key in ["alpha_pattern", "rank_pattern", "target_modules", "modules_to_save"] {
            guard json[key]?.object?.count ?? json[key]?.array?.count ?? 0 <= Self.mostPatterns else {
                throw fault(key, "more than \(Self.mostPatterns) entries", Self.asSaved)
            }
        }
        alphas = try kind == .lora ? Self.alphas(json, fault) : []
        baseModel = json["base_model_name_or_path"]?.string
        taskType = json["task_type"]?.string
        saved = json["modules_to_save"]?.array?.compactMap(\.string) ?? []
        ranks = Self.ranks(json, kind)
        targets = Self.targets(json, "target_modules")
        feedForward = Self.targets(json, Self.feedForwardKey)
    }

    /// Whether the adapted modules are transformers' `Conv1D`, whose weights lie the other way round. The adapter's own
    /// matrices lie as ever.
    static let conv1DKey = "fan_in_fan_out"

    /// The modules whose input (IA)³ scales
    static let feedForwardKey = "feedforward_modules"

    static let asSaved = "use the folder as it was saved"

    typealias Fault = (_ key: String, _ problem: String, _ advice: String) -> ModelFileError

    /// False where it is absent or null.
    static func flag(_ key: String, _ json: JSONValue, _ fault: Fault) throws -> Bool {
        guard let value = json[key], !value.isNull else { return false }
        guard let flag = value.bool else { throw fault(key, "neither true nor false", asSaved) }
        return flag
    }

    /// `lora_alpha` and the rank.
    private static func size(_ kind: Kind, _ json: JSONValue, _ fault: Fault) throws -> (Double, Int) {
        guard let alpha = json["lora_alpha"]?.double else {
            throw fault("lora_alpha", "missing or not a number", asSaved)
        }
        let key = kind == .adalora ? "init_r" : "r"
        guard let rank = json[key]?.int, 1...largestRank ~= rank else {
            throw fault(key, "missing or not a whole number from 1 to \(largestRank)", asSaved)
        }
        return (alpha, rank)
    }

    private static func alphas(_ json: JSONValue, _ fault: Fault) throws -> [(ModuleKey, Double)] {
        guard let pattern = json["alpha_pattern"], !pattern.isNull else { return [] }
        guard let members = pattern.object?.members else {
            throw fault("alpha_pattern", "not an object of modules and numbers", asSaved)
        }
        return try members.map { module, value in
            guard let alpha = value.double else {
                throw fault("alpha_pattern", "the value of \(quoted(module)) is not a number", asSaved)
            }
            guard let key = ModuleKey(module) else {
                throw fault(
                    "alpha_pattern", "\(quoted(module)) is a regular expression that is not read here",
                    "write the names of the modules in its place, one entry each")
            }
            return (key, alpha)
        }
    }

    private static func ranks(_ json: JSONValue, _ kind: Kind) -> [(ModuleKey, Int)]? {
        let members = json["rank_pattern"]?.object?.members ?? []
        let suffix = ".lora_E"
        let ranks = members.compactMap { name, value -> (ModuleKey, Int)? in
            switch kind {
            case .ia3, .norms: nil
            case .lora: value.int.flatMap { rank in ModuleKey(name).map { ($0, rank) } }
            case .adalora:
                value.array.flatMap { kept in
                    name.hasSuffix(suffix)
                        ? (.name(String(name.dropLast(suffix.count))), kept.count { $0.bool == true }) : nil
                }
            }
        }
        return ranks.count == members.count ? ranks : nil
    }

    private static func targets(_ json: JSONValue, _ key: String) -> Targets? {
        // Each of these takes something away from the targets.
        for other in ["exclude_modules", "layers_to_transform"] where json[other].map({ !$0.isNull }) ?? false
        {
            return nil
        }
        if let text = json[key]?.string { return ModulePattern(text).map { .pattern($0) } }
        guard let list = json[key]?.array else { return nil }
        let names = list.compactMap(\.string)
        return names.count == list.count ? .names(names) : nil
    }

    private static func names(_ name: String, _ module: String) -> Bool {
        ModuleKey.name(name).matches(module)
    }

    /// The rank that a module has by this file; nil where a pattern that is not read here may say otherwise.
    func rank(of module: String) -> Int? {
        guard let ranks else { return nil }
        return ranks.first { $0.module.matches(module) }?.rank ?? rank
    }

    /// Throws where a tensor has another rank than this file says.
    func check(_ kept: Int, of module: String, tensor: String, in store: any TensorSource) throws {
        guard let said = rank(of: module), said != kept else { return }
        throw ModelFileError(
            file: store.path, place: tensor,
            problem: "the tensor has rank \(kept), \(Self.fileName) says \(said)",
            advice: "use both files as they were saved together")
    }

    /// What a person should know about this file beside a model whose modules are `Conv1D` or not. PEFT goes by the
    /// modules too, with such a warning.
    func warnings(isConv1D: Bool) -> [String] {
        guard let isOfConv1D, isOfConv1D != isConv1D else { return warnings }
        return warnings + [
            "\(path): \(Self.conv1DKey) is \(isOfConv1D), but the matrices of this model are "
                + (isConv1D ? "transformers' Conv1D" : "no Conv1D of transformers")
                + "; it is read as \(isConv1D), as PEFT does"
        ]
    }

    /// Whether this file says that a module is adapted. One that is saved as a whole is not.
    func adapts(_ module: String) -> Bool {
        if saved.contains(where: { Self.saves($0, module) }) { return false }
        return switch targets {
        case .names(let names): names.contains { Self.names($0, module) }
        case .pattern(let pattern): pattern.matches(module)
        case nil: false
        }
    }

    /// Of (IA)³, whether a module's input is scaled; nil where this file says so in a way that is not read here. PEFT asks only
    /// how the path ends, before a dot or not.
    func scalesInput(_ module: String) -> Bool? {
        switch feedForward {
        case .names(let names): names.contains(where: module.hasSuffix)
        case .pattern(let pattern): pattern.matches(module)
        case nil: nil
        }
    }

    /// Whether a name in `modules_to_save` is that of the module, or of one that it is a part of.
    static func saves(_ name: String, _ module: String) -> Bool {
        ".\(module).".contains(".\(name).")
    }

    /// s in ΔW = s · B·A
    func factor(of module: String, rank kept: Int) throws -> Float {
        // PEFT's AdaLoRA scales by r where lora_alpha is not above 0.
        var factor = Float((alpha > 0 ? alpha : Double(rank)) / (Double(rank) + PEFTForm.rankOffset))
        if kind == .lora {
            // PEFT takes the first pattern that is the whole path or the end of it after a dot.
            let own = alphas.first { $0.module.matches(module) }
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
}
