import Messages
import RunConfiguration

/// One run of training and testing.
package struct Trial: Sendable, Hashable {
    package enum Stage: String, Sendable, CaseIterable {
        /// Decides a learning rate by the validation data.
        case search
        /// Is reported.
        case report
    }

    /// A readable slug and a hash over everything that decides the run: equal ids are equal runs.
    package let id: String
    package let stage: Stage
    package let arm: String
    /// nil for an arm without a budget.
    package let budget: Budget?
    package let learningRate: Double
    package let seed: UInt64
    /// From 1; nil in a plan without folds.
    package let fold: Int?
    /// Settings of `adalora train` by name; budget, learning rate and seed are not among them.
    package let settings: [String: String]
    /// The id of the finished trial whose final ranks this one starts with.
    package let patternFrom: String?
    /// Trained at this many times the budget, then cut to it by exact singular values.
    package let pruneFrom: Double?
    /// What comes after the cut.
    package let heal: ComparisonPlan.Heal?

    /// As people read it: `AdaLoRA, r2, fold 3, seed 42`.
    package var name: String {
        let parts = [arm, budget?.slug, stage == .search ? "rate \(Figures.rate(learningRate))" : nil]
        let ends = [fold.map { "fold \($0)" }, "seed \(seed)"]
        return (parts + ends).compactMap { $0 }.joined(separator: ", ")
    }

    /// - Parameters:
    ///   - effective: every setting that decides what the arm's runs do, defaults included.
    ///   - steps: in place of those, or of the epochs, that the settings say.
    ///   - fingerprints: of what the plan's paths name (model, data), by name.
    init(
        stage: Stage, arm: ComparisonPlan.Arm, effective: [String: String], steps: Int? = nil,
        budget: Budget?, learningRate: Double, seed: UInt64, fold: Int?, patternFrom: String?,
        fingerprints: [String: String]
    ) {
        self.stage = stage
        self.arm = arm.name
        self.budget = budget
        self.learningRate = learningRate
        self.seed = seed
        self.fold = fold
        var (settings, effective) = (arm.settings, effective)
        if let steps {
            settings["epochs"] = nil
            settings["steps"] = String(steps)
            effective.merge(["steps": String(steps), "epochs": "none"]) { $1 }
        }
        self.settings = settings
        self.patternFrom = patternFrom
        self.pruneFrom = arm.pruneFrom
        self.heal = arm.heal
        var digest = Digest()
        digest.add(stage.rawValue)
        digest.add(budget?.slug ?? "")
        digest.add(String(learningRate))
        digest.add(String(seed))
        digest.add(patternFrom ?? "")
        digest.add(arm.pruneFrom.map { String($0) } ?? "")
        for pairs in [Self.told(effective), fingerprints] {
            digest.add(String(pairs.count))
            for (key, value) in pairs.sorted(by: { $0.key < $1.key }) {
                digest.add(key)
                digest.add(value)
            }
        }
        // Ids of plans without folds are what they always were.
        if let fold {
            digest.add("fold")
            digest.add(String(fold))
        }
        if let heal {
            for text in ["heal", String(heal.share), String(heal.rate)] { digest.add(text) }
        }
        let parts = [
            stage == .search ? "search" : nil, arm.slug, budget?.slug, "lr\(Figures.rate(learningRate))",
            fold.map { "f\($0)" }, "s\(seed)", digest.text,
        ]
        id = parts.compactMap { $0 }.joined(separator: "-")
    }

    /// Settings in the words in which ids have always told them, so that a new word for an old meaning finds the runs that
    /// were made before it.
    package static func told(_ settings: [String: String]) -> [String: String] {
        // The adapted matrices of an encoder were listed before all of them had a name.
        let former = [
            "targets": ["all": "[query, key, value, attention-output, intermediate, output]"]
        ]
        // Runs were all like that before there was another way, and said nothing of it.
        let unsaid = ["triplet-steps": "plain", "head-learning-rate": RunConfig.sameRate]
        let settings = settings.filter { unsaid[$0.key] != $0.value }
        return settings.reduce(into: [:]) { $0[$1.key] = former[$1.key]?[$1.value] ?? $1.value }
    }
}

/// FNV-1a over texts, each with its length, so that their borders count. Ids are the names by which results on the disk are
/// found again, so they stay what they were; they tell runs apart and protect nothing.
struct Digest {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ text: String) {
        for byte in "\(text.utf8.count):".utf8 { add(byte) }
        for byte in text.utf8 { add(byte) }
    }

    private mutating func add(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }

    /// 10 hexadecimal digits.
    var text: String {
        let mixed = (state ^ (state >> 32)) & 0xFF_FFFF_FFFF
        let digits = String(mixed, radix: 16)
        return String(repeating: "0", count: 10 - digits.count) + digits
    }
}
