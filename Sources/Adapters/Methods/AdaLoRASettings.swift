import Matrices
import RankAllocation

/// The settings of AdaLoRA alone: values, which the method's file reads, checks and follows.
package struct AdaLoRASettings: Sendable, Equatable {
    /// How ranks move: pruned to a falling budget (AdaLoRA), exchanged between matrices under a constant one, or not
    /// at all: the budget spread evenly from the start.
    package enum Allocator: String, CaseIterable, Sendable { case prune, exchange, fixed }

    /// Which weights enter the sensitivity: those before the update (paper) or after it (PEFT, authors' code).
    package enum ImportanceWeights: String, CaseIterable, Sendable { case paper, peft }

    /// How a triplet is scored; each is described where `RankAllocation` implements it.
    package enum Importance: String, CaseIterable, Sendable {
        case sensitivity
        case sensitivityOnly = "sensitivity-only"
        case taskSensitivity = "task-sensitivity"
        case spectralSensitivity = "spectral-sensitivity"
        case singularValue = "singular-value"
        case magnitude, random

        func measure(seed: UInt64) -> any ImportanceMeasure {
            switch self {
            case .sensitivity: Sensitivity()
            case .sensitivityOnly: SensitivityOnly()
            case .taskSensitivity: TaskSensitivity()
            case .spectralSensitivity: SpectralSensitivity()
            case .singularValue: SingularValue()
            case .magnitude: Magnitude()
            case .random:
                RandomImportance { site, triplet in
                    var stream = RandomStream(
                        seed: seed, purpose: "random importance", indices: [site, triplet])
                    return Float(stream.uniform())
                }
            }
        }

        /// Whether it scores exact singular triplets, which only orthogonality exact has.
        var needsExactTriplets: Bool { measure(seed: 0).needsExactTriplets }

        /// Whether it averages sensitivities over the steps.
        var observesGradients: Bool { measure(seed: 0).observedGradient != .none }
    }

    /// What keeps P and Q orthonormal: the paper's squared norm, the norm of PEFT and the authors' code, exact
    /// re-factorization after each step without a penalty, or nothing.
    package enum Orthogonality: String, CaseIterable, Sendable {
        case squared, norm, exact, none

        /// Exact re-factorization takes the place of a penalty.
        var penalty: OrthogonalityPenalty.Form {
            switch self {
            case .squared: .squared
            case .norm: .norm
            case .exact, .none: .none
            }
        }
    }

    /// How long the steps of exact triplets are: as the optimizer makes them, or as those of LoRA's factors.
    package enum TripletSteps: String, CaseIterable, Sendable { case plain, lora }

    /// Triplets per adapted matrix at the start; nil follows from the budget, see `InitialRank`.
    package var initialRank: InitialRank?
    package var initialization = FactorInitialization.orthonormal
    /// Batches of inputs that `activationSVD` looks at.
    package var activationBatches = 8
    /// t_i / T: the share of steps that keep every triplet.
    package var warmupFraction = 0.1
    /// t_f / T: the share of steps with a fixed mask.
    package var finalFraction = 0.4
    package var allocator = Allocator.prune
    /// ΔT, in optimizer steps; nil leaves it to the allocator, see `resolvedAllocateEvery`.
    package var allocateEvery: Int?
    /// The share of the triplets that the first exchange may replace; later ones less, the last none.
    package var exchangeShare = 0.1
    /// nil leaves it to what else is set, see `resolvedImportance`.
    package var importance: Importance?
    package var importanceWeights = ImportanceWeights.paper
    package var importanceBeta1 = 0.85
    package var importanceBeta2 = 0.85
    /// nil leaves it to the importance, see `resolvedOrthogonality`.
    package var orthogonality: Orthogonality?
    /// γ, the weight of the orthogonality term in the loss.
    package var orthogonalityWeight = 0.1
    /// nil is `plain`, which is what runs did before there was another; new ones take `usualTripletSteps`.
    package var tripletSteps: TripletSteps?
    /// Allocations between two records of all triplets; nil thins long runs, see `resolvedHistoryEvery`.
    package var historyEvery: Int?

    init() {}

    /// `importance`, or else the paper's score: on exact triplets, unless something else that is set asks for others.
    /// On exact triplets it did better than with the penalty at every budget of `Benchmarks/results`.
    package var resolvedImportance: Importance {
        if let importance { return importance }
        let mayBeExact = orthogonality == nil || orthogonality == .exact
        return mayBeExact && allocator == .prune && importanceWeights == .paper
            ? .spectralSensitivity : .sensitivity
    }

    /// `orthogonality`, or else exact where the importance needs it, or the paper's penalty.
    package var resolvedOrthogonality: Orthogonality {
        orthogonality ?? (resolvedImportance.needsExactTriplets ? .exact : .squared)
    }

    /// Of a new run whose triplets are exact. With them short runs reach what LoRA reaches
    /// (`Benchmarks/results/defaults`).
    package static let usualTripletSteps = TripletSteps.lora

    /// `allocateEvery`, or else every step, and every 20 where new triplets need time to show what they are worth.
    package var resolvedAllocateEvery: Int { allocateEvery ?? (allocator == .exchange ? 20 : 1) }

    /// `historyEvery`, or else as few as keep a run of `allocations` at about a thousand records.
    package func resolvedHistoryEvery(allocations: Int) -> Int {
        historyEvery ?? max(1, allocations / 1000)
    }

    /// A start at the budget leaves nothing to prune.
    var rankChoice: RankChoice {
        let startsAtBudget: Bool =
            if case .multiple(let factor) = initialRank { factor <= 1 } else { false }
        switch allocator {
        case .fixed: return .none
        case .prune where startsAtBudget: return .none
        case .prune, .exchange: return resolvedImportance == .random ? .random : .measured
        }
    }

    /// The same with what unset values stand for, as far as that follows from other settings.
    package var resolved: AdaLoRASettings {
        var resolved = self
        resolved.importance = resolvedImportance
        resolved.orthogonality = resolvedOrthogonality
        resolved.allocateEvery = resolvedAllocateEvery
        return resolved
    }
}
