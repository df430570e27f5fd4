import Adapters

/// What a method stands for in the question whether adaptive rank is worth it.
package enum ArmKind: String, Sendable, CaseIterable {
    /// Training shows which matrix gets which rank, also by a cut of a wide start.
    case adaptive
    /// Its size is what it was given.
    case fixed
    /// No answer to the question, but a measure for others: ranks by chance or of another arm, the head alone, the whole model.
    case control
}

extension ComparisonPlan {
    /// Follows from the arm's settings.
    package func kind(of arm: Arm) -> ArmKind {
        guard let tuning = tuning(of: arm), arm.patternOf == nil else { return .control }
        let method = tuning.method
        guard method.makesAdapter || method.trainsOwnVectors else { return .control }
        switch method.rankChoice(tuning) {
        case .random: return .control
        case .measured: return .adaptive
        case .none: return arm.pruneFrom == nil ? .fixed : .adaptive
        }
    }

    /// Names of the arms of a kind, in their order
    package func names(_ kind: ArmKind) -> [String] {
        arms.filter { self.kind(of: $0) == kind }.map(\.name)
    }
}
