import CVectorKernels
import Matrices

/// AdamW with decoupled weight decay over the flat parameter vector (Loshchilov and Hutter 2019).
package final class AdamW {
    package let beta1: Float
    package let beta2: Float
    package let epsilon: Float
    package let weightDecay: Float
    package private(set) var firstMoments: Matrix
    package private(set) var secondMoments: Matrix
    private var power1: RunningPower
    private var power2: RunningPower

    package init(count: Int, beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        firstMoments = Matrix(rows: 1, columns: count)
        secondMoments = Matrix(rows: 1, columns: count)
        (power1, power2) = (RunningPower(of: Double(beta1)), RunningPower(of: Double(beta2)))
    }

    /// One update of the elements in `range`; `step` counts updates from 1.
    ///
    /// - Parameter place: of the first one's moments; nil where they lie as the values do
    package func update(
        _ values: Matrix, gradients: Matrix, range: Range<Int>, place: Int? = nil, step: Int, rate: Double
    ) {
        let start = range.lowerBound
        let place = place ?? start
        let correction1 = 1 - power1.value(at: step)
        let correction2 = 1 - power2.value(at: step)
        avk_adamw(
            values.pointer + start, firstMoments.pointer + place, secondMoments.pointer + place,
            gradients.pointer + start, range.count, 1, Float(rate), beta1, beta2, epsilon, weightDecay,
            Float(correction1), Float(correction2))
    }

    /// Moves the moments to a vector of another shape, of `count` elements; element i comes from element source[i], and starts at
    /// 0 where that is nil.
    package func gather(_ source: some Sequence<Int?>, count: Int) {
        let first = Matrix(rows: 1, columns: count)
        let second = Matrix(rows: 1, columns: count)
        var element = 0
        for place in source {
            precondition(element < count, "more than \(count) elements")
            if let place {
                first.pointer[element] = firstMoments.pointer[place]
                second.pointer[element] = secondMoments.pointer[place]
            }
            element += 1
        }
        precondition(element == count, "\(element) elements of \(count)")
        (firstMoments, secondMoments) = (first, second)
    }

    package func restore(firstMoments: [Float], secondMoments: [Float]) {
        self.firstMoments = Matrix(rows: 1, columns: firstMoments.count, values: firstMoments)
        self.secondMoments = Matrix(rows: 1, columns: secondMoments.count, values: secondMoments)
    }
}

/// The powers of a number one after the other. `pow` rounds otherwise, and a resumed run takes the same steps as before.
private struct RunningPower {
    private let base: Double
    private var exponent = 0
    private var power = 1.0

    init(of base: Double) { self.base = base }

    /// The number multiplied `exponent` times.
    mutating func value(at exponent: Int) -> Double {
        if exponent < self.exponent { self = RunningPower(of: base) }
        while self.exponent < exponent {
            power *= base
            self.exponent += 1
        }
        return power
    }
}
