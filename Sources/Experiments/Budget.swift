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

extension Budget: Codable {
    private enum Key: String, CodingKey {
        case averageRank = "average-rank"
        case parameters
    }

    /// `{"average-rank": 2}` or `{"parameters": 83000}`.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        if fields.contains(.averageRank) {
            self = .averageRank(try fields.decode(Double.self, forKey: .averageRank))
        } else {
            self = .parameters(try fields.decode(Int.self, forKey: .parameters))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        switch self {
        case .averageRank(let rank): try fields.encode(rank, forKey: .averageRank)
        case .parameters(let count): try fields.encode(count, forKey: .parameters)
        }
    }
}
