import Messages

/// What an arm may spend on adapters. Arms are matched by it: every arm ends with this many trainable
/// parameters in its adapters.
package enum Budget: Sendable, Hashable {
    /// r times the parameters of rank 1 everywhere: r · Σ (outputs + inputs) over the adapted matrices.
    case averageRank(Double)
    /// Adapter parameters.
    case parameters(Int)

    /// Adapter parameters of this budget, rounded to the nearest whole number.
    ///
    /// - Parameter perRank: Σ (outputs + inputs) over the adapted matrices, what rank 1 everywhere costs.
    package func parameters(perRank: Int) -> Int {
        precondition(perRank > 0, "rank 1 costs \(perRank) parameters, which must be above 0")
        switch self {
        case .averageRank(let rank): return Int((rank * Double(perRank)).rounded())
        case .parameters(let count): return count
        }
    }

    /// `average rank 2` or `83,000 parameters`.
    package var description: String {
        switch self {
        case .averageRank(let rank): "average rank \(Figures.plain(rank))"
        case .parameters(let count): "\(Figures.grouped(count)) parameters"
        }
    }

    /// `r2` or `p83000`, for identifiers.
    package var slug: String {
        switch self {
        case .averageRank(let rank): "r\(Figures.plain(rank))"
        case .parameters(let count): "p\(count)"
        }
    }

    /// The number alone: the rank or the parameters.
    package var amount: Double {
        switch self {
        case .averageRank(let rank): rank
        case .parameters(let count): Double(count)
        }
    }
}

extension Budget: CustomStringConvertible {}
