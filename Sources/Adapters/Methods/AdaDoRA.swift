import Messages
import RankAllocation
import Transformers

/// DoRA over singular triplets under a global budget: AdaLoRA whose layers compute with (m/‖V‖)∘V, V = W + s·P·Λ·Q, a trained
/// magnitude m and the norm for each row, as `DoRA` has them.
///
/// - Norms follow whatever changes V: updates, masks, exact triplets, exchanges; they pass no gradient on.
/// - m is left alone by pruning: put back at the norms it would undo what it learned. It stays where the rank falls to 0, as an
///   output scale like (IA)³'s.
/// - Triplets are scored as they act, on g∘P with g = m/‖V‖: λ counts times the length of g∘p. A sensitivity w·∂L/∂w is the same
///   for p and g∘p, whose gradient is ∂L/∂p / g.
extension AdaLoRA {
    convenience init(withMagnitudes start: MethodStart) throws {
        try self.init(
            start, trained: try start.trainedSumsOrMagnitudes(), budget: Self.budgetBesideMagnitudes
        ) { $0.takeMagnitudes(of: start.trained) }
    }

    /// A budget in parameters pays for the magnitudes too.
    private static func budgetBesideMagnitudes(_ budget: Budget, _ layers: [LinearLayer]) throws -> Budget {
        guard case .parameters(let parameters) = budget else { return budget }
        let magnitudes = layers.reduce(0) { $0 + $1.outputs }
        guard parameters > magnitudes else {
            throw AdapterError(
                description:
                    "a budget of \(parameters) parameters does not pay for the \(magnitudes) of the magnitudes in \(layers.count) "
                    + "matrices; raise \(SettingName.budgetParameters), or adapt fewer \(SettingName.targets)"
            )
        }
        return .parameters(parameters - magnitudes)
    }
}

extension FineTuningMethod {
    static let adadora = FineTuningMethod(
        name: "adadora", size: "r(O + I + 1) + O", addsToWeights: false, peft: .dora,
        rows: AdaLoRA.rows, rankChoice: { $0.adalora.rankChoice },
        parameters: { $3 * TripletCost.parameters(outputs: $1, inputs: $2, hasLambda: true) + $1 },
        check: { $0.adalora.check($0, &$1) }, start: { try AdaLoRA(withMagnitudes: $0) })
}
