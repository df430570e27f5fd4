import RankAllocation
import Testing

@Suite struct ScheduleErrorTests {
    struct BadSchedule: Sendable {
        let initial, final, total, warmup, finalSteps, interval: Int
        let error: ScheduleError
        let text: String
    }

    static let tooMany = (1 << 53) + 1

    static let rows = [
        BadSchedule(
            initial: -1, final: 0, total: 9, warmup: 1, finalSteps: 1, interval: 1,
            error: .tooSmall(name: "initial budget", value: -1, minimum: 0),
            text: "budget schedule: initial budget is -1, but must be at least 0; use 0 or more"),
        BadSchedule(
            initial: 4, final: -2, total: 9, warmup: 1, finalSteps: 1, interval: 1,
            error: .tooSmall(name: "final budget", value: -2, minimum: 0),
            text: "budget schedule: final budget is -2, but must be at least 0; use 0 or more"),
        BadSchedule(
            initial: 4, final: 2, total: 0, warmup: 0, finalSteps: 0, interval: 1,
            error: .tooSmall(name: "total steps", value: 0, minimum: 1),
            text: "budget schedule: total steps is 0, but must be at least 1; use 1 or more"),
        BadSchedule(
            initial: 4, final: 2, total: 9, warmup: -1, finalSteps: 1, interval: 1,
            error: .tooSmall(name: "warm-up steps", value: -1, minimum: 0),
            text: "budget schedule: warm-up steps is -1, but must be at least 0; use 0 or more"),
        BadSchedule(
            initial: 4, final: 2, total: 9, warmup: 1, finalSteps: -3, interval: 1,
            error: .tooSmall(name: "final steps", value: -3, minimum: 0),
            text: "budget schedule: final steps is -3, but must be at least 0; use 0 or more"),
        BadSchedule(
            initial: 4, final: 2, total: 9, warmup: 1, finalSteps: 1, interval: 0,
            error: .tooSmall(name: "allocation interval", value: 0, minimum: 1),
            text: "budget schedule: allocation interval is 0, but must be at least 1; use 1 or more"),
        BadSchedule(
            initial: tooMany, final: 2, total: 9, warmup: 1, finalSteps: 1, interval: 1,
            error: .tooLarge(name: "initial budget", value: tooMany, maximum: 1 << 53),
            text:
                "budget schedule: initial budget is 9007199254740993, but must be at most 9007199254740992; "
                + "use a smaller number"),
        BadSchedule(
            initial: 4, final: 2, total: 9, warmup: .max, finalSteps: .max, interval: 1,
            error: .tooLarge(name: "warm-up steps", value: .max, maximum: 1 << 53),
            text:
                "budget schedule: warm-up steps is 9223372036854775807, but must be at most "
                + "9007199254740992; use a smaller number"),
        BadSchedule(
            initial: 4, final: 5, total: 9, warmup: 1, finalSteps: 1, interval: 1,
            error: .finalBudgetAboveInitial(finalBudget: 5, initialBudget: 4),
            text: "budget schedule: the final budget of 5 exceeds the initial budget of 4; "
                + "lower the budget or raise the initial rank"),
        BadSchedule(
            initial: 4, final: 2, total: 9, warmup: 4, finalSteps: 5, interval: 1,
            error: .noBudgetingSteps(warmupSteps: 4, finalSteps: 5, totalSteps: 9),
            text: "budget schedule: 4 warm-up steps and 5 final steps leave none of 9 steps for budgeting; "
                + "shorten either phase or train for more steps"),
    ]

    @Test(arguments: rows)
    func badNumbersAreRefused(_ row: BadSchedule) {
        let error = #expect(throws: ScheduleError.self) {
            try BudgetSchedule(
                initialBudget: row.initial, finalBudget: row.final, totalSteps: row.total,
                warmupSteps: row.warmup,
                finalSteps: row.finalSteps, interval: row.interval)
        }
        #expect(error == row.error)
        #expect(error?.description == row.text)
    }

    @Test func extremeNumbersThatAreAllowedDoNotTrap() throws {
        let schedule = try BudgetSchedule(
            initialBudget: 1 << 53, finalBudget: 0, totalSteps: 1 << 53, warmupSteps: 0, finalSteps: 0,
            interval: 1)
        #expect(schedule.budget(at: 0) == 1 << 53)
        #expect(schedule.budget(at: 1 << 52) == 1 << 50)
        #expect(schedule.budget(at: .max) == 0)
        #expect(schedule.phase(at: .min) == .warmup)
    }
}
