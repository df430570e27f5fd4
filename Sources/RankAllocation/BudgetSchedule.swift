/// How many triplets may survive at each optimizer step: the paper's cubic schedule (section 3.3 and eq. 14).
///
/// With 1-based steps `t`, `T` total, `t_i` warm-up and `t_f` final steps:
///
///     b(t) = b(0)                                                     t ≤ t_i
///     b(t) = ⌊b(T) + (b(0) − b(T))·(1 − (t − t_i)/(T − t_f − t_i))³⌋     t_i < t ≤ T − t_f
///     b(t) = b(T)                                                     t > T − t_f
///
/// Eq. 14 of the paper prints `t − t_i − t_f` in the numerator. That is a misprint: it would start above
/// `b(0)` and jump at both ends. The authors' code and PEFT compute the formula above, and so does this type,
/// to the same integer.
///
/// Steps are optimizer steps: with gradient accumulation, ask once per update and not once per micro-batch.
///
///     let schedule = try BudgetSchedule(
///         initialBudget: 432, finalBudget: 288, totalSteps: 900, warmupSteps: 90, finalSteps: 360,
///         interval: 1)
///     schedule.budget(at: 300)  // 309
package struct BudgetSchedule: Sendable, Equatable {
    /// `b(0)` of each group of sites that has a budget of its own, as `SiteGroups` numbers them: the sum of the initial
    /// ranks over its adapted matrices, in triplets; or what those triplets cost, in parameters, as `RankAllocator` counts
    /// them.
    package let initialBudgets: [Int]
    /// `b(T)` of each: the triplets, or parameters, that survive at the end.
    package let finalBudgets: [Int]
    /// `T`, in optimizer steps.
    package let totalSteps: Int
    /// `t_i`, in optimizer steps.
    package let warmupSteps: Int
    /// `t_f`, in optimizer steps.
    package let finalSteps: Int
    /// `ΔT`: a mask is chosen when the step is a multiple of it, and at the last budgeting step.
    package let interval: Int

    /// - Throws: `ScheduleError` if a budget or phase is negative, `totalSteps` or `interval` is below 1, the
    ///   final budget exceeds the initial one, or `warmupSteps + finalSteps >= totalSteps`.
    package init(
        initialBudget: Int, finalBudget: Int, totalSteps: Int, warmupSteps: Int, finalSteps: Int,
        interval: Int
    ) throws(ScheduleError) {
        try self.init(
            initialBudgets: [initialBudget], finalBudgets: [finalBudget], totalSteps: totalSteps,
            warmupSteps: warmupSteps, finalSteps: finalSteps, interval: interval)
    }

    /// The same for groups of sites, whose budgets fall at the same steps, each from its own start to its own end.
    package init(
        initialBudgets: [Int], finalBudgets: [Int], totalSteps: Int, warmupSteps: Int, finalSteps: Int,
        interval: Int
    ) throws(ScheduleError) {
        precondition(
            !finalBudgets.isEmpty && initialBudgets.count == finalBudgets.count,
            "a schedule needs both budgets of each group, got \(initialBudgets) and \(finalBudgets)")
        for initialBudget in initialBudgets { try Self.check("initial budget", initialBudget, minimum: 0) }
        for finalBudget in finalBudgets { try Self.check("final budget", finalBudget, minimum: 0) }
        try Self.check("total steps", totalSteps, minimum: 1)
        try Self.check("warm-up steps", warmupSteps, minimum: 0)
        try Self.check("final steps", finalSteps, minimum: 0)
        try Self.check("allocation interval", interval, minimum: 1)
        for (initialBudget, finalBudget) in zip(initialBudgets, finalBudgets)
        where finalBudget > initialBudget {
            throw .finalBudgetAboveInitial(finalBudget: finalBudget, initialBudget: initialBudget)
        }
        guard warmupSteps + finalSteps < totalSteps else {
            throw .noBudgetingSteps(
                warmupSteps: warmupSteps, finalSteps: finalSteps, totalSteps: totalSteps)
        }
        self.initialBudgets = initialBudgets
        self.finalBudgets = finalBudgets
        self.totalSteps = totalSteps
        self.warmupSteps = warmupSteps
        self.finalSteps = finalSteps
        self.interval = interval
    }

    /// `b(0)` and `b(T)` over all groups
    package var initialBudget: Int { initialBudgets.reduce(0, +) }
    package var finalBudget: Int { finalBudgets.reduce(0, +) }

    /// `T − t_f`: the step after which the mask is fixed. It always lies in the budgeting phase.
    package var lastBudgetingStep: Int { totalSteps - finalSteps }

    /// The phase of 1-based step `step`; 0 is the state before training, and steps after `T` stay in the
    /// final phase.
    package func phase(at step: Int) -> SchedulePhase {
        if step <= warmupSteps { return .warmup }
        return step <= lastBudgetingStep ? .budgeting : .final
    }

    /// `b(t)` over all adapted matrices, in the unit of `initialBudget` and `finalBudget`: the sum of `budgets(at:)`.
    ///
    /// Non-increasing, `b(0)` up to the end of warm-up and exactly `b(T)` from the last budgeting step on.
    package func budget(at step: Int) -> Int { budgets(at: step).reduce(0, +) }

    /// `b(t)` of each group.
    package func budgets(at step: Int) -> [Int] {
        switch phase(at: step) {
        case .warmup:
            return initialBudgets
        case .final:
            return finalBudgets
        case .budgeting:
            let elapsed = Double(step - warmupSteps) / Double(lastBudgetingStep - warmupSteps)
            let cube = Self.cube(1 - elapsed)
            return zip(initialBudgets, finalBudgets).map { initial, final in
                Int(Double(initial - final) * cube + Double(final))
            }
        }
    }

    /// Whether a new mask is chosen after step `step`: every `interval` steps of the budgeting phase, and
    /// always at its last step, so that the final budget is reached however the interval divides the run.
    package func allocates(after step: Int) -> Bool {
        guard phase(at: step) == .budgeting else { return false }
        return step % interval == 0 || step == lastBudgetingStep
    }

    /// Whether a mask is applied to λ after step `step`: the new one when `allocates(after:)`, the fixed one
    /// throughout the final phase. Between two allocations λ is left free to regrow, so that triplets may
    /// return.
    package func appliesMask(after step: Int) -> Bool {
        allocates(after: step) || phase(at: step) == .final
    }

    /// Whether the importance of step `step` enters the running averages: at each step, warm-up included,
    /// until the averages have served their last allocation at `T − t_f`.
    ///
    /// - Parameter peftCompatible: PEFT stops one step earlier: it chooses its last mask, after step
    ///   `T − t_f`, without observing that step.
    package func observesImportance(at step: Int, peftCompatible: Bool) -> Bool {
        peftCompatible ? step < lastBudgetingStep : step <= lastBudgetingStep
    }

    /// 2⁵³: up to here Double holds every integer, so budgets survive the conversion and sums of two cannot
    /// overflow.
    private static let largestExactInteger = 1 << 53

    private static func check(_ name: String, _ value: Int, minimum: Int) throws(ScheduleError) {
        guard value >= minimum else { throw .tooSmall(name: name, value: value, minimum: minimum) }
        guard value <= largestExactInteger else {
            throw .tooLarge(name: name, value: value, maximum: largestExactInteger)
        }
    }

    /// `x³` rounded once, as `pow` in Python's `x ** 3` does, for `x` of moderate size.
    ///
    /// `x * x * x` rounds twice, and where the exact budget is an integer the second rounding moves the
    /// result to the other side of it: b(2) of 1000 → 0 in 5 steps is 215 in PEFT, but 216 that way. So the
    /// rounding error of each product is carried along.
    private static func cube(_ x: Double) -> Double {
        let square = x * x
        let product = square * x
        return product + (productError(square, x, product) + productError(x, x, square) * x)
    }

    /// `a·b − product`, exactly, for `product = a * b` (Dekker 1971). A fused multiply-add would be shorter,
    /// but on Linux it is a call into libm, which a target without imports does not link.
    private static func productError(_ a: Double, _ b: Double, _ product: Double) -> Double {
        let (aHigh, aLow) = halves(a)
        let (bHigh, bLow) = halves(b)
        return ((aHigh * bHigh - product) + aHigh * bLow + aLow * bHigh) + aLow * bLow
    }

    /// Splits `x` into two parts of at most 26 significant bits, whose products are exact.
    private static func halves(_ x: Double) -> (high: Double, low: Double) {
        let scaled = 134_217_729 * x  // 2²⁷ + 1
        let high = scaled - (scaled - x)
        return (high, x - high)
    }
}
