/// What a run tells its listeners as it goes. `events.jsonl` and `triplets.jsonl` hold the same records, a line each.
package enum TrainingEvent: Sendable {
    /// - Parameter isEvaluationDue: whether a resumed run was stopped between the step it continues after and that
    ///   step's evaluation, which comes first then.
    case started(RunRecord.Start, isEvaluationDue: Bool)
    case step(RunRecord.Step)
    case allocation(RunRecord.Allocation)
    /// All triplets of each site after a step; a line of `triplets.jsonl`.
    case triplets(TripletHistory.Snapshot)
    case compaction(RunRecord.Compaction)
    case evaluation(RunRecord.Evaluation)
    case checkpoint(RunRecord.Checkpoint)
    case warning(String)
    case finished(RunRecord.End)
}
