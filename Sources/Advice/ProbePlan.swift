/// What a probe does, and how much of it. Follows from sizes alone, never from a clock, so that the same seed gives the same
/// answer on any machine and any number of threads.
package struct ProbePlan: Sendable, Equatable {
    /// A part of the probe.
    package enum Part: String, Sendable, CaseIterable {
        case head = "head alone"
        case rates = "learning rates"
        case gradients = "gradients of two halves"
        case narrow = "training at rank 1"
        case wide = "training at the wide rank"
        case halves = "ranking by two halves"
        case cuts = "cutting and evaluating"
    }

    package let wideRank: Int
    /// Of a step
    package let batch: Int
    package let wideSteps: Int
    package let rateSteps: Int
    package let heldOutRows: Int
    /// Of each half
    package let halfRows: Int
    /// Of the head's own training, where there is one
    package let headRows: Int
    /// Parts that there is no room for, in the order in which they went
    package let leftOut: [Part]
    /// Whether nothing was left out or made smaller for want of time
    package let isWhole: Bool
    /// Products of two numbers, in pairs of operations, by part: those that are done
    package let products: [Part: Double]
    /// What the probe may take, in seconds at `assumedRate`
    package let allowed: Double

    /// Operations a second that products are assumed to be worth: of two cores of a server. A constant, as a measured rate
    /// would make another answer on another day.
    package static let assumedRate = 200e9

    package var seconds: Double { Self.seconds(products) }

    /// Added in the order of the parts: a sum in any other may round otherwise.
    private static func seconds(_ products: [Part: Double]) -> Double {
        Part.allCases.reduce(0) { $0 + (products[$1] ?? 0) } / assumedRate
    }

    /// Whether even the least probe takes longer than allowed.
    package var exceeds: Bool { seconds > allowed }

    package func does(_ part: Part) -> Bool { products[part] != nil }

    /// Rates that are tried, as multiples of the method's usual one
    package static let rateFactors = [0.125, 0.25, 0.5, 1, 2]
    /// Ranks that the wide update is cut to, below the wide rank itself
    package static func cutRanks(below wide: Int) -> [Int] {
        var ranks = [1]
        while let last = ranks.last, 2 * last < wide { ranks.append(2 * last) }
        return ranks.filter { $0 < wide }
    }

    /// - Parameter runSeconds: what the whole run takes at the assumed rate.
    package init(_ costs: ProbeCosts, runSeconds: Double, seconds: Double? = nil) {
        var allowed = max(Self.usualSeconds, runSeconds / Self.shareOfRun)
        if let seconds { allowed = min(allowed, seconds / Self.shareOfTime) }
        var size = 1.0
        var leftOut: [Part] = []
        var plan = Self.sized(costs, 1, leftOut)
        // Smaller in steps of a tenth, then without what tells least.
        while plan.seconds > allowed {
            if size > 0.15 {
                size -= 0.1
            } else if let next = Self.dispensable.first(where: { !leftOut.contains($0) }) {
                leftOut.append(next)
                size = 1
            } else {
                break
            }
            plan = Self.sized(costs, size, leftOut)
        }
        // Room to spare makes the trainings longer, which tell more the nearer they are to the run.
        var steps = plan.wideSteps
        if size == 1, leftOut.isEmpty {
            while steps < min(Self.mostSteps, costs.runSteps),
                Self.sized(costs, 1, [], steps: steps + 20).seconds <= allowed
            {
                steps += 20
            }
            plan = Self.sized(costs, 1, [], steps: min(steps, max(costs.runSteps, 1)))
        }
        wideRank = costs.wideRank
        batch = plan.batch
        wideSteps = plan.wideSteps
        rateSteps = plan.rateSteps
        heldOutRows = plan.heldOutRows
        halfRows = plan.halfRows
        headRows = plan.headRows
        self.leftOut = leftOut
        isWhole = size == 1 && leftOut.isEmpty
        products = plan.products
        self.allowed = allowed
    }

    /// About two minutes, or a twentieth of the run; of a time that somebody gave a fifth at most.
    private static let usualSeconds = 120.0
    private static let shareOfRun = 20.0
    private static let shareOfTime = 5.0
    private static let mostSteps = 400
    /// Those that go first
    private static let dispensable: [Part] = [.gradients, .rates, .narrow]

    private struct Sized {
        var batch = 0
        var wideSteps = 0
        var rateSteps = 0
        var heldOutRows = 0
        var halfRows = 0
        var headRows = 0
        var products: [Part: Double] = [:]
        var seconds: Double { ProbePlan.seconds(products) }
    }

    private static func sized(_ costs: ProbeCosts, _ size: Double, _ leftOut: [Part], steps: Int? = nil)
        -> Sized
    {
        func count(_ usual: Int, least: Int) -> Int { max(least, Int((size * Double(usual)).rounded())) }
        var sized = Sized()
        sized.batch = min(costs.batch, count(costs.batch, least: 8))
        sized.wideSteps = min(steps ?? count(120, least: 40), max(costs.runSteps, 1))
        sized.rateSteps = min(count(50, least: 20), max(costs.runSteps, 1))
        sized.heldOutRows = min(count(512, least: 64), costs.heldOutRows)
        sized.halfRows = min(count(256, least: 64), costs.rows / 2)
        sized.headRows = min(count(2048, least: 256), costs.rows)
        let step = Double(sized.batch) * costs.trainingRow
        let narrowStep = Double(sized.batch) * costs.narrowRow
        let evaluation = Double(sized.heldOutRows) * costs.evaluationRow
        var products: [Part: Double] = [:]
        products[.head] =
            evaluation
            + (costs.hasHead
                ? Double(sized.headRows + sized.batch * sized.wideSteps) * costs.evaluationRow + evaluation
                : 0)
        products[.rates] = Double(rateFactors.count) * (Double(sized.rateSteps) * step + evaluation)
        // On one core.
        products[.gradients] = 2 * Double(2 * sized.halfRows) * costs.gradientRow
        products[.narrow] = Double(sized.wideSteps) * narrowStep + evaluation
        products[.wide] = Double(sized.wideSteps) * step + evaluation
        products[.halves] = Double(2 * sized.halfRows) * costs.trainingRow
        products[.cuts] = Double(cutRanks(below: costs.wideRank).count) * evaluation
        for part in leftOut { products[part] = nil }
        sized.products = products
        return sized
    }
}

/// What rows cost, in operations (two a product of numbers).
package struct ProbeCosts: Sendable, Equatable {
    package var wideRank: Int
    /// Of a step of the run
    package var batch: Int
    package var rows: Int
    package var heldOutRows: Int
    /// Of the whole run
    package var runSteps: Int
    package var hasHead: Bool
    /// Of a mean row, forward and backward at the wide rank
    package var trainingRow: Double
    /// The same at rank 1
    package var narrowRow: Double
    /// With the gradient of the adapted matrices
    package var gradientRow: Double
    /// Forward alone
    package var evaluationRow: Double

    /// - Parameters:
    ///   - weights: numbers in the matrices of all layers, each of which a token is multiplied with once.
    ///   - vocabularyWeights: of the output matrix of a language model.
    ///   - learnedPerRow: tokens whose next word is predicted.
    package init(
        _ facts: AdviceFacts, wideRank: Int, batch: Int, runSteps: Int, weights: Int, vocabularyWeights: Int,
        learnedPerRow: Double
    ) {
        self.wideRank = wideRank
        self.batch = batch
        self.runSteps = runSteps
        rows = facts.rows
        heldOutRows = facts.heldOutRows
        hasHead = !facts.isLanguageModel
        let layers = facts.tokensPerRow * Double(weights)
        let words = learnedPerRow * Double(vocabularyWeights)
        // Forward, and the gradient of the input; frozen weights have none of their own.
        func row(rank: Int) -> Double {
            4 * layers + 6 * facts.tokensPerRow * Double(rank * facts.parametersPerRank) + 4 * words
        }
        trainingRow = row(rank: wideRank)
        narrowRow = row(rank: 1)
        gradientRow = narrowRow + 2 * layers
        evaluationRow = 2 * layers + 2 * words
    }

    /// At the assumed rate
    package func runSeconds(rank: Double) -> Double {
        let share = (rank - 1) / Double(max(wideRank - 1, 1))
        let row = narrowRow + share * (trainingRow - narrowRow)
        return Double(runSteps * batch) * row / ProbePlan.assumedRate
    }
}
