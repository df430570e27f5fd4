/// Which trials a plan needs, and which of them can run now. Pure: it knows finished trials only by their
/// results.
package struct TrialSchedule: Sendable {
    /// A trial that cannot run yet, or never will.
    package struct Blocked: Sendable, Equatable {
        package let stage: Trial.Stage
        package let arm: String
        package let budget: Budget?
        package let seed: UInt64
        package let fold: Int?
        /// What it waits for or why it cannot run.
        package let reason: String
        /// True when what it needs has failed.
        package let isHopeless: Bool
    }

    /// Where a comparison stands.
    package struct State: Sendable {
        /// Runnable now, in the order to run them. Run the first, then ask again: its result may free others.
        package let next: [Trial]
        package let blocked: [Blocked]
        /// Finished trials of the plan, failed ones included, in the plan's order.
        package let finished: [(trial: Trial, result: TrialResult)]
        package let searches: [SearchOutcome]

        /// Trials of the whole plan, finished or not.
        package var total: Int { next.count + blocked.count + finished.count }
        package var isComplete: Bool { next.isEmpty && blocked.isEmpty }

        /// Reported trials that are there, `(finished, all)`.
        package var reported: (finished: Int, total: Int) {
            let done = finished.count { $0.trial.stage == .report }
            let rest = next.count { $0.stage == .report } + blocked.count { $0.stage == .report }
            return (done, done + rest)
        }
    }

    package let plan: ComparisonPlan
    /// Hashes or the like of what the plan's paths name, or of the rows of each fold: other data make other trials.
    private let fingerprints: [Int?: [String: String]]
    /// Every setting that decides what an arm's runs do, defaults included, by the arm's name. A trial is known by
    /// them: a changed default makes other trials of the arms it touches, and of no others.
    package let settings: [String: [String: String]]

    /// - Parameters:
    ///   - fingerprints: of the model, and of the data where the plan has no folds.
    ///   - folds: of the rows of each fold.
    ///   - parametersPerRank: Σ (outputs + inputs) over the matrices that the baseline adapts, which makes parameters of
    ///     average ranks.
    /// - Throws: `ComparisonError` for an arm whose settings no run accepts.
    package init(
        plan: ComparisonPlan, fingerprints: [String: String], folds: [[String: String]] = [],
        parametersPerRank: Int
    ) throws {
        precondition(
            folds.count == plan.folds?.count ?? 0,
            "\(folds.count) folds for a plan of \(plan.foldNumbers.count)")
        self.plan = plan
        let all = fingerprints.merging(["parameters per rank": String(parametersPerRank)]) { $1 }
        self.fingerprints = Dictionary(
            uniqueKeysWithValues: plan.foldNumbers.map { fold in
                (fold, fold.map { all.merging(folds[$0 - 1]) { $1 } } ?? all)
            })
        var settings: [String: [String: String]] = [:]
        for arm in plan.arms { settings[arm.name] = try plan.effectiveSettings(of: arm) }
        self.settings = settings
    }

    func fingerprints(of fold: Int?) -> [String: String] { fingerprints[fold] ?? [:] }

    /// The name of the true classes or scores of the test rows, of a fold in a plan that has them; classes are numbered by
    /// the training rows.
    package func truthID(fold: Int? = nil) -> String {
        var digest = Digest()
        for name in ["train", "test"] { digest.add(fingerprints(of: fold)[name] ?? "") }
        return "truth-\(digest.text)"
    }

    /// Sorts the plan's trials by what has finished. Search trials come first, then reported ones; among
    /// each, all arms and budgets with the first seed, fold by fold, then with the second, so that partial results are
    /// balanced.
    ///
    /// - Parameter completed: results; the last one of an id counts, ids of other plans are ignored. A failed
    ///   result is a finished one: leave it out to try again.
    package func state(completed: [TrialResult]) -> State {
        var sorter = TrialSorter(self, completed: completed)
        for slot in searchSlots() { sorter.sort(slot) }
        sorter.closeSearches()
        for slot in reportSlots() { sorter.sort(slot) }
        return State(
            next: sorter.next, blocked: sorter.blocked, finished: sorter.finished, searches: sorter.searches)
    }

    /// A trial whose learning rate may not be known yet.
    struct Slot {
        let arm: ComparisonPlan.Arm
        let budget: Budget?
        let seed: UInt64
        let fold: Int?
        /// nil for a reported trial: the search's winner.
        let learningRate: Double?
    }

    private func searchSlots() -> [Slot] {
        var slots: [Slot] = []
        // Sources before patterns, whose trials need the results of a search.
        for isPattern in [false, true] {
            for seed in plan.search.seeds {
                for fold in plan.foldNumbers {
                    for arm in plan.arms where (arm.patternOf != nil) == isPattern {
                        for budget in plan.searchPoints(of: arm) {
                            slots += arm.learningRates.map {
                                Slot(arm: arm, budget: budget, seed: seed, fold: fold, learningRate: $0)
                            }
                        }
                    }
                }
            }
        }
        return slots
    }

    private func reportSlots() -> [Slot] {
        var slots: [Slot] = []
        var round = 0
        while true {
            let found = plan.foldNumbers.flatMap { reportSlots(round: round, fold: $0) }
            if found.isEmpty { return slots }
            slots += found
            round += 1
        }
    }

    /// - Parameter round: the place of the seed among those of an arm at a budget.
    private func reportSlots(round: Int, fold: Int?) -> [Slot] {
        var slots: [Slot] = []
        for budget in [nil] + plan.budgets.map(Optional.some) {
            for isPattern in [false, true] {
                for arm in plan.arms
                where (arm.patternOf != nil) == isPattern && arm.points.contains(budget) {
                    let seeds = arm.seeds(at: budget)
                    guard round < seeds.count else { continue }
                    slots.append(
                        Slot(arm: arm, budget: budget, seed: seeds[round], fold: fold, learningRate: nil))
                }
            }
        }
        return slots
    }
}

/// Puts slots where they belong, sources before what depends on them.
private struct TrialSorter {
    private struct Place: Hashable {
        let stage: Trial.Stage
        let arm: String
        let budget: Budget?
        let seed: UInt64
        let fold: Int?
        let learningRate: Double?
    }

    private struct Point: Hashable {
        let arm: String
        let budget: Budget?
        let fold: Int?
    }

    private let schedule: TrialSchedule
    private let results: [String: TrialResult]
    private(set) var next: [Trial] = []
    private(set) var blocked: [TrialSchedule.Blocked] = []
    private(set) var finished: [(trial: Trial, result: TrialResult)] = []
    private(set) var searches: [SearchOutcome] = []
    /// Trials whose id is known.
    private var trials: [Place: Trial] = [:]
    private var outcomes: [Point: SearchOutcome] = [:]
    /// Rates beyond the ends of the grid
    private var widened: [Point: [Double]] = [:]

    private var plan: ComparisonPlan { schedule.plan }

    init(_ schedule: TrialSchedule, completed: [TrialResult]) {
        self.schedule = schedule
        results = Dictionary(completed.map { ($0.id, $0) }) { $1 }
    }

    mutating func sort(_ slot: TrialSchedule.Slot) {
        let stage: Trial.Stage = slot.learningRate == nil ? .report : .search
        switch learningRate(of: slot) {
        case .blocked(let reason, let isHopeless): block(slot, stage, reason, isHopeless)
        case .known(let rate):
            switch source(of: slot, stage) {
            case .blocked(let reason, let isHopeless): block(slot, stage, reason, isHopeless)
            case .known(let source):
                switch steps(of: slot) {
                case .blocked(let reason, let isHopeless): block(slot, stage, reason, isHopeless)
                case .known(let steps):
                    add(
                        Trial(
                            stage: stage, arm: slot.arm, effective: schedule.settings[slot.arm.name] ?? [:],
                            steps: steps, budget: slot.budget, learningRate: rate, seed: slot.seed,
                            fold: slot.fold, patternFrom: source,
                            fingerprints: schedule.fingerprints(of: slot.fold)), at: place(slot, stage))
                }
            }
        }
    }

    private mutating func add(_ trial: Trial, at place: Place) {
        trials[place] = trial
        if let result = results[trial.id] {
            finished.append((trial, result))
        } else {
            next.append(trial)
        }
    }

    /// Those of a reported run of a plan that matches times; nil where they are what the settings say.
    private mutating func steps(of slot: TrialSchedule.Slot) -> Need<Int?> {
        guard plan.matching == .time, slot.learningRate == nil, slot.arm.name != plan.baseline,
            let baseline = plan.arm(plan.baseline)
        else { return .known(nil) }
        switch (pace(slot.arm, slot), pace(baseline, slot)) {
        case (.known(let own), .known(let other)):
            let steps = own.steps(beside: other)
            guard slot.arm.heal?.leavesSteps(of: steps) ?? true else {
                return .blocked(
                    "\(steps) steps, which the time of \(baseline.name) has room for, leave \(slot.arm.name) none after its cut",
                    isHopeless: true)
            }
            return .known(steps)
        case (.blocked(let reason, let isHopeless), _), (_, .blocked(let reason, let isHopeless)):
            return .blocked(reason, isHopeless: isHopeless)
        }
    }

    /// Of the search that decides the learning rate there; known once all its runs are there, so that what follows from it stays.
    private mutating func pace(_ arm: ComparisonPlan.Arm, _ slot: TrialSchedule.Slot) -> Need<SearchPace> {
        let budget = plan.searchPoint(of: arm, for: slot.budget)
        if case .blocked(let reason, let isHopeless) = winner(arm, budget, slot.fold) {
            return .blocked(reason, isHopeless: isHopeless)
        }
        let runs = trials.filter { place, _ in
            place.stage == .search && place.arm == arm.name && place.budget == budget
                && place.fold == slot.fold
        }
        guard let pace = SearchPace(runs.compactMap { results[$0.value.id] }) else {
            return .blocked("no search run of \(arm.name) tells how long its steps take", isHopeless: true)
        }
        return .known(pace)
    }

    /// Every arm's outcome, in the order of the plan.
    mutating func closeSearches() {
        for arm in plan.arms {
            for budget in plan.searchPoints(of: arm) {
                for fold in plan.foldNumbers { searches.append(outcome(arm, budget, fold)) }
            }
        }
    }

    private enum Need<Value> {
        case known(Value)
        case blocked(String, isHopeless: Bool)
    }

    private mutating func learningRate(of slot: TrialSchedule.Slot) -> Need<Double> {
        if let rate = slot.learningRate { return .known(rate) }
        guard plan.search.isNeeded else { return .known(slot.arm.learningRates[0]) }
        return winner(slot.arm, plan.searchPoint(of: slot.arm, for: slot.budget), slot.fold)
    }

    private mutating func winner(
        _ arm: ComparisonPlan.Arm, _ budget: Budget?, _ fold: Int?
    ) -> Need<Double> {
        let outcome = outcome(arm, budget, fold)
        if let winner = outcome.winner { return .known(winner) }
        if blocked.contains(where: {
            $0.isHopeless && $0.stage == .search && $0.arm == arm.name && $0.budget == budget
                && $0.fold == fold
        }) {
            return .blocked("the learning-rate search of \(arm.name) cannot be finished", isHopeless: true)
        }
        return outcome.isComplete
            ? .blocked("no learning rate of \(arm.name) came through its search", isHopeless: true)
            : .blocked("waits for the learning-rate search of \(arm.name)", isHopeless: false)
    }

    /// With the rates that it takes until the best one is no longer at an end, or as many as the plan allows.
    private mutating func outcome(
        _ arm: ComparisonPlan.Arm, _ budget: Budget?, _ fold: Int?
    ) -> SearchOutcome {
        let point = Point(arm: arm.name, budget: budget, fold: fold)
        while true {
            if let known = outcomes[point] { return known }
            let rates = (arm.learningRates + widened[point, default: []]).sorted()
            let outcome = outcome(point, rates)
            guard widened[point, default: []].count < plan.search.widenings, let rate = outcome.rateBeyond
            else {
                // Before all slots are sorted, an incomplete outcome may only lack slots that come later.
                if outcome.isComplete { outcomes[point] = outcome }
                return outcome
            }
            widened[point, default: []].append(rate)
            for seed in plan.search.seeds {
                sort(
                    TrialSchedule.Slot(
                        arm: arm, budget: budget, seed: seed, fold: fold, learningRate: rate))
            }
        }
    }

    private func outcome(_ point: Point, _ rates: [Double]) -> SearchOutcome {
        let rows = rates.map { rate in
            let found = plan.search.seeds.compactMap { seed in
                trials[
                    Place(
                        stage: .search, arm: point.arm, budget: point.budget, seed: seed, fold: point.fold,
                        learningRate: rate)
                ].flatMap { results[$0.id] }
            }
            return (rate: rate, results: found)
        }
        return SearchOutcome(
            arm: point.arm, budget: point.budget, fold: point.fold, results: rows,
            seedCount: plan.search.seeds.count, metric: plan.search.metric)
    }

    /// The id of the trial that gives the ranks; nil for an arm that chooses its own.
    private mutating func source(of slot: TrialSchedule.Slot, _ stage: Trial.Stage) -> Need<String?> {
        guard let name = slot.arm.patternOf, let arm = plan.arm(name) else { return .known(nil) }
        var rate: Double?
        if stage == .search {
            switch winner(arm, slot.budget, slot.fold) {
            case .known(let best): rate = best
            case .blocked(let reason, let isHopeless): return .blocked(reason, isHopeless: isHopeless)
            }
        }
        let place = Place(
            stage: stage, arm: name, budget: slot.budget, seed: slot.seed, fold: slot.fold, learningRate: rate
        )
        guard let trial = trials[place] else {
            return .blocked(
                "waits for \(name) with seed \(slot.seed)", isHopeless: isHopeless(arm, slot, stage))
        }
        guard let result = results[trial.id] else {
            return .blocked("waits for \(trial.id)", isHopeless: false)
        }
        guard result.isOK else { return .blocked("\(trial.id) failed", isHopeless: true) }
        guard !result.ranks.isEmpty else {
            return .blocked("\(trial.id) recorded no ranks", isHopeless: true)
        }
        return .known(trial.id)
    }

    private func isHopeless(
        _ arm: ComparisonPlan.Arm, _ slot: TrialSchedule.Slot, _ stage: Trial.Stage
    ) -> Bool {
        blocked.contains {
            $0.isHopeless && $0.stage == stage && $0.arm == arm.name && $0.budget == slot.budget
                && $0.seed == slot.seed && $0.fold == slot.fold
        }
    }

    private func place(_ slot: TrialSchedule.Slot, _ stage: Trial.Stage) -> Place {
        Place(
            stage: stage, arm: slot.arm.name, budget: slot.budget, seed: slot.seed, fold: slot.fold,
            learningRate: slot.learningRate)
    }

    private mutating func block(
        _ slot: TrialSchedule.Slot, _ stage: Trial.Stage, _ reason: String, _ isHopeless: Bool
    ) {
        blocked.append(
            TrialSchedule.Blocked(
                stage: stage, arm: slot.arm.name, budget: slot.budget, seed: slot.seed, fold: slot.fold,
                reason: reason, isHopeless: isHopeless))
    }
}
