/// Why a budget schedule cannot be made from the numbers given.
package enum ScheduleError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A budget or a step count is below the smallest value it may have.
    case tooSmall(name: String, value: Int, minimum: Int)
    /// A budget or a step count is above the largest integer that Double arithmetic keeps exact.
    case tooLarge(name: String, value: Int, maximum: Int)
    /// The budget would have to grow, which the schedule never does.
    case finalBudgetAboveInitial(finalBudget: Int, initialBudget: Int)
    /// Warm-up and final phase leave no step on which a mask could be chosen.
    case noBudgetingSteps(warmupSteps: Int, finalSteps: Int, totalSteps: Int)

    /// One line: where, what is wrong with both values, what to try.
    package var description: String {
        switch self {
        case .tooSmall(let name, let value, let minimum):
            "budget schedule: \(name) is \(value), but must be at least \(minimum); use \(minimum) or more"
        case .tooLarge(let name, let value, let maximum):
            "budget schedule: \(name) is \(value), but must be at most \(maximum); use a smaller number"
        case .finalBudgetAboveInitial(let finalBudget, let initialBudget):
            "budget schedule: the final budget of \(finalBudget) exceeds the initial budget of "
                + "\(initialBudget); lower the budget or raise the initial rank"
        case .noBudgetingSteps(let warmupSteps, let finalSteps, let totalSteps):
            "budget schedule: \(warmupSteps) warm-up steps and \(finalSteps) final steps leave none of "
                + "\(totalSteps) steps for budgeting; shorten either phase or train for more steps"
        }
    }
}
