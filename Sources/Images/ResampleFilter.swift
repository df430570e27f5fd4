import Foundation

/// How pixels of another size are made of those there are: PIL's `Resampling`, by its numbers in `preprocessor_config.json`.
package enum ResampleFilter: Int, Sendable, CaseIterable {
    case nearest
    case lanczos
    case bilinear
    case bicubic
    case box
    case hamming

    /// Of the source pixels on each side of a result's centre, where nothing is made smaller; nil for `nearest`, which mixes none.
    var support: Double? {
        switch self {
        case .nearest: nil
        case .box: 0.5
        case .bilinear, .hamming: 1
        case .bicubic: 2
        case .lanczos: 3
        }
    }

    /// The weight of a source pixel at a distance from the centre.
    func weight(_ distance: Double) -> Double {
        let x = abs(distance)
        switch self {
        case .nearest: return 0
        case .box: return distance > -0.5 && distance <= 0.5 ? 1 : 0
        case .bilinear: return x < 1 ? 1 - x : 0
        case .bicubic:
            // Keys' kernel with a = −1/2, in PIL's order of operations.
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
        case .lanczos:
            return distance >= -3 && distance < 3 ? Self.sinc(distance) * Self.sinc(distance / 3) : 0
        case .hamming:
            if x == 0 { return 1 }
            if x >= 1 { return 0 }
            let angle = x * Double.pi
            return sin(angle) / angle * (0.54 + 0.46 * cos(angle))
        }
    }

    private static func sinc(_ x: Double) -> Double {
        if x == 0 { return 1 }
        let angle = x * Double.pi
        return sin(angle) / angle
    }
}

/// Which source pixels each result along one side is made of, and how much of each: PIL's `precompute_coeffs`, with its
/// antialiasing (the filter grows with what is made smaller), as whole numbers of 2⁻²².
struct ResampleWeights {
    /// PIL's: 32 bits less those of a sample and 2 for overshoots.
    static let precision = 32 - 8 - 2
    /// The first source pixel of each result
    let starts: [Int]
    /// How many there are of them
    let counts: [Int]
    /// Room for the weights of one result
    let stride: Int
    /// [results, stride]
    let values: [Int32]

    /// nil for a filter that mixes no pixels.
    init?(from source: Int, to target: Int, _ filter: ResampleFilter) {
        guard let base = filter.support else { return nil }
        let scale = Double(source) / Double(target)
        let stretch = max(scale, 1)
        let support = base * stretch
        let stride = Int(support.rounded(.up)) * 2 + 1
        var starts: [Int] = []
        var counts: [Int] = []
        var values = [Int32](repeating: 0, count: target * stride)
        var weights: [Double] = []
        for result in 0..<target {
            let center = (Double(result) + 0.5) * scale
            let start = max(Int(center - support + 0.5), 0)
            let count = min(Int(center + support + 0.5), source) - start
            weights.removeAll(keepingCapacity: true)
            var sum = 0.0
            for tap in 0..<count {
                let weight = filter.weight((Double(tap + start) - center + 0.5) * (1 / stretch))
                weights.append(weight)
                sum += weight
            }
            for (tap, weight) in weights.enumerated() {
                let share = (sum != 0 ? weight / sum : weight) * Double(1 << Self.precision)
                values[result * stride + tap] = Int32(share < 0 ? share - 0.5 : share + 0.5)
            }
            starts.append(start)
            counts.append(count)
        }
        (self.starts, self.counts, self.stride, self.values) = (starts, counts, stride, values)
    }
}
