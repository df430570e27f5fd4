import RunConfiguration
import Tasks
import Training

/// What a run gives its workers: the shards of its first steps and of an evaluation.
struct RunLoad {
    let training: ShardLoad
    let evaluation: ShardLoad?
    /// What people should know of it
    let notes: [String]

    init(_ model: SequenceModel, _ inputs: RunInputs, _ sampler: BatchSampler, totalSteps: Int) {
        training = ShardLoad(
            training: inputs.train, sampler, totalSteps: totalSteps, mayShare: model.sharesInTraining)
        evaluation = inputs.validation.map {
            ShardLoad(evaluating: $0, mayShare: model.sharesInEvaluations)
        }
        if let share = training.sharedPrefix {
            notes = [CommonBeginnings.note(share)]
        } else if !model.sharing.trains && model.sharing.evaluates {
            let without = ShardLoad(
                training: inputs.train, sampler, totalSteps: min(totalSteps, Self.triedSteps),
                mayShare: model.sharesInEvaluations)
            notes = without.sharedPrefix.map { [CommonBeginnings.noteOnDropout($0)] } ?? []
        } else {
            notes = []
        }
    }

    /// Enough to say about which share is common.
    private static let triedSteps = 20
}

/// What is said of tokens that several rows of a step begin with.
package enum CommonBeginnings {
    /// - Parameter share: of the tokens.
    package static func note(_ share: Double) -> String {
        "\(percent(share)) of the tokens are common beginnings of a step's rows, computed once"
    }

    static func noteOnDropout(_ share: Double) -> String {
        "\(percent(share)) of the tokens are common beginnings of a step's rows, computed for each row all the same: dropout of "
            + "adapters draws a mask for each"
    }

    private static func percent(_ share: Double) -> String { "\(Int((100 * share).rounded())) %" }
}

extension ShardLoad {
    /// The share of its tokens that sequences of a shard begin with alike, which are computed for one of them alone; nil
    /// where there are none.
    var sharedPrefix: Double? { computed < read ? 1 - Double(computed) / Double(read) : nil }
}
