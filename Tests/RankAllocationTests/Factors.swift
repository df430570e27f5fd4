import RankAllocation

/// The arrays of one adapter, or their gradients.
struct Factors {
    var p: [Float]
    var lambda: [Float]
    var q: [Float]

    func keeping(_ kept: [Int], rank: Int, inputs: Int) -> Factors {
        let outputs = p.count / rank
        var result = Factors(p: [], lambda: [], q: [])
        for row in 0..<outputs {
            for triplet in kept { result.p.append(p[row * rank + triplet]) }
        }
        for triplet in kept {
            result.lambda.append(lambda[triplet])
            for column in 0..<inputs { result.q.append(q[triplet * inputs + column]) }
        }
        return result
    }
}

extension SeededNumbers {
    mutating func factors(_ outputs: Int, _ rank: Int, _ inputs: Int) -> Factors {
        Factors(
            p: floats(outputs * rank, scale: 0.1), lambda: floats(rank, scale: 1),
            q: floats(rank * inputs, scale: 0.1))
    }
}

extension TripletAverages {
    mutating func observe(_ weights: Factors, gradients: Factors, beta: Float) {
        weights.p.withUnsafeBufferPointer { p in
            gradients.p.withUnsafeBufferPointer { pGradient in
                weights.lambda.withUnsafeBufferPointer { lambda in
                    gradients.lambda.withUnsafeBufferPointer { lambdaGradient in
                        weights.q.withUnsafeBufferPointer { q in
                            gradients.q.withUnsafeBufferPointer { qGradient in
                                observe(
                                    p: p, pGradient: pGradient, lambda: lambda,
                                    lambdaGradient: lambdaGradient,
                                    q: q, qGradient: qGradient, beta1: beta, beta2: beta)
                            }
                        }
                    }
                }
            }
        }
    }
}
