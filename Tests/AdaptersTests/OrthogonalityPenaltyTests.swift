import Adapters
import Autodiff
import GoldenFiles
import Matrices
import Testing
import Transformers

@Suite struct OrthogonalityPenaltyTests {
    private func setUp(_ initialization: FactorInitialization) throws -> (AdapterSet, ParameterVector) {
        let set = try AdapterSet(
            installing: plan(roles: [.query, .intermediate], rank: 2, initialization: initialization),
            on: tinyEncoder().linearLayers)
        return (set, ParameterVector(set.parameters))
    }

    /// The term in Double, from its definition.
    private func value(_ set: AdapterSet, _ form: OrthogonalityPenalty.Form, weight: Double) -> Double {
        var squares: [Double] = []
        for adapter in set.adapters {
            for (matrix, byColumns) in [(adapter.factors.p.values, true), (adapter.factors.q.values, false)] {
                let rank = byColumns ? matrix.columns : matrix.rows
                let length = byColumns ? matrix.rows : matrix.columns
                var sum = 0.0
                for i in 0..<rank {
                    for j in 0..<rank {
                        var dot = i == j ? -1.0 : 0.0
                        for k in 0..<length {
                            let a = byColumns ? matrix.row(k)[i] : matrix.row(i)[k]
                            let b = byColumns ? matrix.row(k)[j] : matrix.row(j)[k]
                            dot += Double(a) * Double(b)
                        }
                        sum += dot * dot
                    }
                }
                squares.append(sum)
            }
        }
        return form == .squared
            ? weight * squares.reduce(0, +)
            : weight * squares.map { $0.squareRoot() }.reduce(0, +) / Double(squares.count)
    }

    // Central differences in Float32 parameters with a Double objective: truncation ~ step², rounding ~ 1e-7 / step.
    @Test(arguments: [OrthogonalityPenalty.Form.squared, .norm])
    func gradientAgainstFiniteDifferences(_ form: OrthogonalityPenalty.Form) throws {
        let (set, vector) = try setUp(.gaussian)
        for index in 0..<vector.count { vector.values.pointer[index] *= 10 }
        let gradients = Matrix(rows: 1, columns: vector.count)
        let penalty = OrthogonalityPenalty(form: form, weight: 0.25)
        let term = penalty.addGradient(of: set, in: vector, to: gradients)
        #expect(abs(term - value(set, form, weight: 0.25)) < 1e-5 * term)
        let step: Float = 1e-3
        for index in stride(from: 0, to: vector.count, by: 17) {
            let old = vector.values.pointer[index]
            vector.values.pointer[index] = old + step
            let up = value(set, form, weight: 0.25)
            vector.values.pointer[index] = old - step
            let down = value(set, form, weight: 0.25)
            vector.values.pointer[index] = old
            let numeric = (up - down) / Double(2 * step)
            #expect(
                abs(Double(gradients.pointer[index]) - numeric) < 1e-4 * max(1, abs(numeric)),
                "element \(index)")
        }
    }

    @Test func noneAddsNothing() throws {
        let (set, vector) = try setUp(.gaussian)
        let gradients = Matrix(rows: 1, columns: vector.count)
        #expect(
            OrthogonalityPenalty(form: .none, weight: 1).addGradient(of: set, in: vector, to: gradients) == 0)
        #expect(gradients.values.allSatisfy { $0 == 0 })
    }

    /// At P = Q = 0 … and at exactly orthonormal factors the unsquared norm has no gradient; never a NaN.
    @Test func exactlyOrthonormalFactorsHaveAFiniteGradient() throws {
        let (set, vector) = try setUp(.gaussian)
        for adapter in set.adapters {
            adapter.factors.p.values.fill(0)
            adapter.factors.q.values.fill(0)
            for index in 0..<2 {
                adapter.factors.p.values.row(index)[index] = 1
                adapter.factors.q.values.row(index)[index] = 1
            }
        }
        let gradients = Matrix(rows: 1, columns: vector.count)
        #expect(
            OrthogonalityPenalty(form: .norm, weight: 0.5).addGradient(of: set, in: vector, to: gradients)
                == 0)
        #expect(gradients.values.allSatisfy { $0 == 0 })
    }
}
