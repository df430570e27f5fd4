/// What a probe found, as numbers. What was left out is nil.
package struct ProbeFindings: Sendable, Equatable {
    /// One adapted matrix.
    package struct Site: Sendable, Equatable {
        package let name: String
        package let role: String
        package let layer: Int
        /// Singular values of what was learned, descending
        package let learned: [Float]
        /// Of each triplet, in any order
        package let importance: [Double]

        package init(name: String, role: String, layer: Int, learned: [Float], importance: [Double]) {
            self.name = name
            self.role = role
            self.layer = layer
            self.learned = learned
            self.importance = importance
        }
    }

    /// The gradient of one matrix on two halves of some rows, at the start of training.
    package struct SiteGradient: Sendable, Equatable {
        package let name: String
        package let role: String
        package let layer: Int
        /// Between the halves
        package let cosine: Double
        /// Directions of the one that the other confirms
        package let aligned: Int
        /// Leading singular values of both together, descending
        package let values: [Float]
        /// ‖G‖_F² of both together
        package let energy: Double

        package init(
            name: String, role: String, layer: Int, cosine: Double, aligned: Int, values: [Float],
            energy: Double
        ) {
            self.name = name
            self.role = role
            self.layer = layer
            self.cosine = cosine
            self.aligned = aligned
            self.values = values
            self.energy = energy
        }
    }

    package struct Rate: Sendable, Equatable {
        package let rate: Double
        /// nil where the run diverged
        package let loss: HeldOutLoss?

        package init(rate: Double, loss: HeldOutLoss?) {
            self.rate = rate
            self.loss = loss
        }
    }

    /// The wide update cut to this rank on average, by the singular values of the whole model.
    package struct Cut: Sendable, Equatable {
        package let rank: Double
        package let loss: HeldOutLoss

        package init(rank: Double, loss: HeldOutLoss) {
            self.rank = rank
            self.loss = loss
        }
    }

    /// How the importance of triplets by one half of some rows goes with that by the other.
    package struct Halves: Sendable, Equatable {
        package let correlation: Double?
        /// Of as many triplets as rank 1 on average has
        package let overlap: Double

        package init(correlation: Double?, overlap: Double) {
            self.correlation = correlation
            self.overlap = overlap
        }
    }

    package struct Cost: Sendable, Equatable {
        package let part: ProbePlan.Part
        /// As it was, for people: nothing follows from it.
        package let seconds: Double

        package init(part: ProbePlan.Part, seconds: Double) {
            self.part = part
            self.seconds = seconds
        }
    }

    package var plan: ProbePlan
    package var seed: UInt64
    /// The base model, with its head trained alone where it has one: what adapters start from
    package var alone: HeldOutLoss
    /// Of a language model the base model's loss a token, in bits; nil for others
    package var baseBits: Double?
    package var rates: [Rate]
    /// With which the trainings ran
    package var rate: Double
    package var gradients: [SiteGradient]
    /// Trained at rank 1 with as many steps as the wide one
    package var narrow: HeldOutLoss?
    package var wide: HeldOutLoss
    package var sites: [Site]
    package var halves: Halves?
    package var cuts: [Cut]
    package var costs: [Cost]
    /// Which metric `lacks` of the losses are of; nil where they have none
    package var metric: String?
    /// Whether it is this metric that stands in the place of the losses
    package private(set) var isByMetric = false

    package init(
        plan: ProbePlan, seed: UInt64, alone: HeldOutLoss, baseBits: Double? = nil, rates: [Rate] = [],
        rate: Double, gradients: [SiteGradient] = [], narrow: HeldOutLoss? = nil, wide: HeldOutLoss,
        sites: [Site] = [], halves: Halves? = nil, cuts: [Cut] = [], costs: [Cost] = [],
        metric: String? = nil
    ) {
        self.plan = plan
        self.seed = seed
        self.alone = alone
        self.baseBits = baseBits
        self.rates = rates
        self.rate = rate
        self.gradients = gradients
        self.narrow = narrow
        self.wide = wide
        self.sites = sites
        self.halves = halves
        self.cuts = cuts
        self.costs = costs
        self.metric = metric
    }
}

extension ProbeFindings {
    /// What the wide rank gains over what training starts from
    package var gain: (difference: Double, error: Double) { alone.above(wide) }
    package var showsGain: Bool { gain.difference > 2 * gain.error }

    /// Whether more is gained than `negligible` is out of the question, by the loss and by the metric where there is one.
    package var showsThatThereIsNone: Bool {
        func isNone(_ found: ProbeFindings, _ least: Double) -> Bool {
            found.gain.difference + 2 * found.gain.error <= least
        }
        return isNone(self, ProbeVerdict.negligible * alone.mean)
            && (byMetric.map { isNone($0, ProbeVerdict.negligible) } ?? true)
    }

    /// By the metric where the loss shows no gain and the metric does: few rows that are learned by heart make a model so sure of
    /// itself that its loss rises while its answers get better.
    package var judged: ProbeFindings {
        guard !showsGain, !isByMetric, let other = byMetric, other.showsGain else { return self }
        return other
    }

    private var byMetric: ProbeFindings? {
        guard metric != nil, let alone = alone.byMetric, let wide = wide.byMetric else { return nil }
        var other = self
        (other.alone, other.wide, other.narrow) = (alone, wide, narrow?.byMetric)
        other.cuts = cuts.compactMap { cut in cut.loss.byMetric.map { Cut(rank: cut.rank, loss: $0) } }
        other.isByMetric = true
        return other
    }

    /// What is measured, in words
    package var measure: String { (isByMetric ? metric : nil) ?? "loss" }

    /// As people read it: a loss, or what a metric is.
    package func shown(_ loss: HeldOutLoss) -> Double { isByMetric ? 1 - loss.mean : loss.mean }

    /// Σσ² of what was learned, by triplet over all matrices.
    package var energies: [Double] { sites.flatMap { $0.learned.map { Double($0) * Double($0) } } }
    package var importances: [Double] { sites.flatMap(\.importance) }

    /// Triplets a matrix, on average, that keep this share.
    package func rank(keeping share: Double, of weights: [Double]) -> Double {
        Double(SpectrumFigures.count(keeping: share, of: weights)) / Double(max(sites.count, 1))
    }

    /// Of the matrices whose gradients were taken
    package var alignedDirections: Double? {
        gradients.isEmpty
            ? nil : Double(gradients.reduce(0) { $0 + $1.aligned }) / Double(gradients.count)
    }

    package var gradientCosine: Double? {
        gradients.isEmpty ? nil : gradients.reduce(0) { $0 + $1.cosine } / Double(gradients.count)
    }

    /// Roles in the order of the sites, with the share of the learned energy and of the parameters' triplets that is theirs.
    package var roleShares: [(role: String, energy: Double, matrices: Double)] {
        var roles: [String] = []
        for site in sites where !roles.contains(site.role) { roles.append(site.role) }
        let total = energies.reduce(0, +)
        return roles.map { role in
            let own = sites.filter { $0.role == role }
            let energy = own.flatMap(\.learned).reduce(0.0) { $0 + Double($1) * Double($1) }
            return (role, total > 0 ? energy / total : 0, Double(own.count) / Double(sites.count))
        }
    }
}

/// Which learning rate short runs on the same rows show.
package enum RateChoice {
    /// The lowest loss, and of rates that are not told apart from it the smallest; nil where every run diverged.
    package static func best(_ rates: [ProbeFindings.Rate]) -> ProbeFindings.Rate? {
        let sound = rates.filter { $0.loss?.isFinite ?? false }
        guard let lowest = sound.min(by: { ($0.loss?.mean ?? .infinity) < ($1.loss?.mean ?? .infinity) }),
            let least = lowest.loss
        else { return nil }
        return sound.sorted { $0.rate < $1.rate }.first { rate in
            guard let loss = rate.loss else { return false }
            let (difference, error) = loss.above(least)
            return rate.rate == lowest.rate || difference <= error
        }
    }

    /// For a run of so many steps, by a test of `tested` steps: the best rate falls as runs get longer, by about half from a short
    /// test to a long run. Rates up to the method's usual one, which long runs were measured with, stay.
    package static func forRun(_ rate: Double, steps: Int, tested: Int, usual: Double) -> Double {
        rate > usual && steps >= 4 * tested ? rate / 2 : rate
    }
}
