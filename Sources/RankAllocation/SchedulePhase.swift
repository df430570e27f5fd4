/// The three phases of an AdaLoRA run of `T` optimizer steps, counted from 1.
package enum SchedulePhase: String, Sendable, CaseIterable {
    /// `t ≤ t_i`: every triplet trains, importance is observed, nothing is masked.
    case warmup
    /// `t_i < t ≤ T − t_f`: the budget falls from `b(0)` to `b(T)`, and masks are chosen.
    case budgeting
    /// `t > T − t_f`: the last mask is fixed and applied at every step.
    case final
}
