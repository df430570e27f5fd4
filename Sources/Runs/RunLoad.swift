import RunConfiguration
import Tasks
import Training

/// What a run gives its workers: the shards of its first steps and of an evaluation.
struct RunLoad {
    let training: ShardLoad
    let evaluation: ShardLoad?

    init(_ model: SequenceModel, _ inputs: RunInputs, _ sampler: BatchSampler, totalSteps: Int) {
        training = ShardLoad(
            training: inputs.train, sampler, totalSteps: totalSteps, mayShare: model.sharesInTraining)
        evaluation = inputs.validation.map {
            ShardLoad(evaluating: $0, mayShare: model.sharesInEvaluations)
        }
    }
}

extension ShardLoad {
    /// The share of its tokens that sequences of a shard begin with alike, which are computed for one of them alone; nil
    /// where there are none.
    var sharedPrefix: Double? { computed < read ? 1 - Double(computed) / Double(read) : nil }

    /// For people
    var sharedPrefixNote: String? {
        sharedPrefix.map { share in
            let percent = Int((100 * share).rounded())
            return "\(percent) % of the tokens are common beginnings of a step's rows, computed once"
        }
    }
}
