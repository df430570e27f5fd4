/// How far a language model has moved from its base model on a text that it does not learn: metrics of an evaluation, which
/// decide nothing.
package struct ForgettingMetrics: Sendable, Equatable {
    /// Mean loss of a token with the adapter
    package let loss: Double
    /// The same of the base model
    package let baseLoss: Double
    /// Mean KL(base ‖ tuned) of the next word, in nats a token
    package let divergence: Double
    /// Share of the tokens before which both models find the same word most probable
    package let same: Double

    package init(loss: Double, baseLoss: Double, divergence: Double, same: Double) {
        self.loss = loss
        self.baseLoss = baseLoss
        self.divergence = divergence
        self.same = same
    }

    private static let prefix = "forgetting-"

    /// Whether a metric of an evaluation is one of these.
    package static func has(_ name: String) -> Bool { name.hasPrefix(prefix) }

    package var metrics: [RunRecord.Metric] {
        [
            .init(name: Self.prefix + "loss", value: loss),
            .init(name: Self.prefix + "base", value: baseLoss),
            .init(name: Self.prefix + "kl", value: divergence),
            .init(name: Self.prefix + "same", value: same),
        ]
    }

    /// nil where the evaluation has not all of them.
    package init?(_ evaluation: RunRecord.Evaluation) {
        self.init { name in evaluation.metrics.first { $0.name == name }?.value }
    }

    /// nil where one of them is not known.
    ///
    /// - Parameter value: of a metric, by its name.
    package init?(_ value: (String) -> Double?) {
        guard let loss = value(Self.prefix + "loss"), let base = value(Self.prefix + "base"),
            let divergence = value(Self.prefix + "kl"), let same = value(Self.prefix + "same")
        else { return nil }
        self.init(loss: loss, baseLoss: base, divergence: divergence, same: same)
    }
}
