import CVectorKernels
import Foundation
import Matrices
import Testing

@Suite struct ExponentialTests {
    /// The Taylor remainder at |r| = ln2/2 is 1.2e-7, and the last operations each round by 6e-8; measured over
    /// all of the range: 2.5e-7 with SSE2 code, 2.3e-7 with fused multiply-adds.
    private let relativeError = 3e-7

    private func kernel(_ x: [Float]) -> [Float] {
        var y = [Float](repeating: -1, count: x.count)
        avk_exp(x, &y, x.count)
        return y
    }

    @Test(arguments: kernelSizes) func matchesTheLibrary(size: Int) {
        let x = normalValues(size, seed: 1, deviation: 5)
        expectClose(kernel(x), x.map { exp(Double($0)) }, relative: relativeError, absolute: 0)
    }

    @Test func relativeErrorOverTheWholeRange() {
        let steps = 1_000_000
        let x = (0...steps).map { Float(-87 + 175 * Double($0) / Double(steps)) }
        expectClose(kernel(x), x.map { exp(Double($0)) }, relative: relativeError, absolute: 0)
    }

    @Test func runsInPlace() {
        let x = normalValues(100, seed: 2)
        let y = Matrix(rows: 1, columns: 100, values: x)
        avk_exp(y.pointer, y.pointer, 100)
        #expect(y.values == kernel(x))
    }

    @Test func saturatesOutsideTheRange() {
        let far: [Float] = [-.infinity, -1e30, -88, -0.0, 0, 89, 1e30, .infinity]
        let y = kernel(far)
        for value in y.prefix(3) { #expect(value > 0 && value < 2e-38) }
        #expect(y[3] == 1 && y[4] == 1)
        for value in y.suffix(3) { #expect(value > 1.6e38 && value.isFinite) }
    }

    @Test func aNaNStaysAtEachPosition() {
        for position in 0..<37 {
            var x = normalValues(37, seed: 3)
            x[position] = .nan
            let y = kernel(x)
            for index in y.indices { #expect(y[index].isNaN == (index == position)) }
        }
    }
}

@Suite struct SmallLoopTests {
    @Test(arguments: kernelSizes) func add(size: Int) {
        let (x, y) = (normalValues(size, seed: 4), normalValues(size, seed: 5))
        var out = y
        avk_add(x, &out, size)
        // One correctly rounded operation: exactly Swift's own.
        #expect(out == zip(x, y).map { $0 + $1 })
    }

    @Test(arguments: kernelSizes) func sum(size: Int) {
        let (x, y) = (normalValues(size, seed: 18), normalValues(size, seed: 19))
        var out = [Float](repeating: .nan, count: size)
        avk_sum(x, y, &out, size)
        #expect(out == zip(x, y).map { $0 + $1 })
    }

    @Test(arguments: kernelSizes) func fillRows(columns: Int) {
        let bias = normalMatrix(1, columns, seed: 6)
        let y = normalMatrix(3, columns, seed: 7)
        Kernel.fillRows(bias, into: y)
        #expect(y.values == bias.values + bias.values + bias.values)
    }

    @Test(arguments: kernelSizes) func columnSumsAccumulate(columns: Int) {
        let rows = 13
        let x = normalMatrix(rows, columns, seed: 8)
        let out = normalMatrix(1, columns, seed: 9)
        let expected = (0..<columns).map { column in
            sumWithBound([Double(out.pointer[column])] + (0..<rows).map { Double(x.row($0)[column]) })
        }
        Kernel.addColumnSums(of: x, into: out)
        expectClose(out.values, expected.map(\.sum), bounds: expected.map(\.bound))
    }

    @Test(arguments: kernelSizes) func scaleColumns(columns: Int) {
        let x = normalMatrix(5, columns, seed: 10)
        let scale = normalMatrix(1, columns, seed: 11)
        let y = Matrix(rows: 5, columns: columns)
        Kernel.scaleColumns(x, by: scale, factor: 0.7, into: y)
        let factor = Double(Float(0.7))
        let expected = (0..<x.count).map {
            Double(x.pointer[$0]) * Double(scale.pointer[$0 % columns]) * factor
        }
        // Two rounded multiplications.
        expectClose(y.values, expected, relative: 3 * roundoff, absolute: 1e-40)

        Kernel.scaleColumns(x, by: nil, factor: 0.7, into: y)
        #expect(y.values == x.values.map { $0 * 0.7 })

        // The backward pass of the low-rank layer scales in place.
        let inPlace = Matrix(rows: 5, columns: columns, values: x.values)
        Kernel.scaleColumns(inPlace, by: scale, factor: 0.7, into: inPlace)
        expectClose(inPlace.values, expected, relative: 3 * roundoff, absolute: 1e-40)
    }

    @Test(arguments: kernelSizes) func columnDotsAccumulate(columns: Int) {
        let rows = 11
        let a = normalMatrix(rows, columns, seed: 12)
        let b = normalMatrix(rows, columns, seed: 13)
        let out = normalMatrix(1, columns, seed: 14)
        let factor = Double(Float(0.3))
        let expected = (0..<columns).map { column in
            sumWithBound(
                [Double(out.pointer[column])]
                    + (0..<rows).map { factor * Double(a.row($0)[column]) * Double(b.row($0)[column]) })
        }
        Kernel.addColumnDots(a, b, factor: 0.3, into: out)
        expectClose(out.values, expected.map(\.sum), bounds: expected.map(\.bound))
    }

    @Test(arguments: kernelSizes) func multiply(size: Int) {
        let (g, slope, old) = (
            normalValues(size, seed: 15), normalValues(size, seed: 16), normalValues(size, seed: 17)
        )
        var out = [Float](repeating: .nan, count: size)
        avk_multiply(g, slope, &out, size, 0)
        #expect(out == zip(g, slope).map { $0 * $1 })

        out = old
        avk_multiply(g, slope, &out, size, 1)
        let expected = (0..<size).map { sumWithBound([Double(old[$0]), Double(g[$0]) * Double(slope[$0])]) }
        expectClose(out, expected.map(\.sum), bounds: expected.map(\.bound))
    }
}

@Suite struct TanhGELUTests {
    private func reference(_ x: Double) -> (value: Double, slope: Double) {
        let factor = (2 / Double.pi).squareRoot()
        let tanh = Foundation.tanh(factor * (x + 0.044715 * x * x * x))
        let slope = 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * factor * (1 + 3 * 0.044715 * x * x)
        return (0.5 * x * (1 + tanh), slope)
    }

    // u = x + 0.0447 x³ rounded by a few units, times 2u in the exponential: up to 40 roundings where the result
    // is not yet 0 or x.
    @Test func valueAndSlopeOverTheWholeRange() {
        let x = (0...48_000).map { Float(-12 + 24 * Double($0) / 48_000) }
        var (y, slope) = (x, x)
        avk_gelu_tanh(x, &y, &slope, x.count)
        expectClose(y, x.map { reference(Double($0)).value }, relative: 4 * roundoff, absolute: 20 * roundoff)
        expectClose(slope, x.map { reference(Double($0)).slope }, relative: 0, absolute: 2e-6)
        var alone = x
        avk_gelu_tanh(x, &alone, nil, x.count)
        #expect(alone == y)
        var inPlace = x
        inPlace.withUnsafeMutableBufferPointer { avk_gelu_tanh($0.baseAddress, $0.baseAddress, nil, x.count) }
        #expect(inPlace == y)
    }

    @Test func largeValuesAndNaN() {
        let x: [Float] = [-1e30, -50, 0, 50, 1e30, .nan]
        var (y, slope) = (x, x)
        avk_gelu_tanh(x, &y, &slope, x.count)
        expectClose(
            Array(y[..<5]), [0, 0, 0, 50, Double(Float(1e30))], relative: 0, absolute: 1e-6)
        expectClose(Array(slope[..<5]), [0, 0, 0.5, 1, 1], relative: 0, absolute: 1e-6)
        #expect(y[5].isNaN && slope[5].isNaN)
    }
}

@Suite struct GELUTests {
    private func reference(_ x: Double) -> (value: Double, slope: Double) {
        let phi = 0.5 * erfc(-x / 2.0.squareRoot())
        return (x * phi, phi + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot())
    }

    private func kernel(_ x: [Float]) -> (value: [Float], slope: [Float]) {
        var (y, slope) = (x, x)
        avk_gelu(x, &y, &slope, x.count)
        return (y, slope)
    }

    @Test(arguments: kernelSizes) func matchesErf(size: Int) {
        let x = normalValues(size, seed: 20, deviation: 2)
        let (y, slope) = kernel(x)
        let expected = x.map { reference(Double($0)) }
        // Φ within a few roundings of 1, times x; the fit itself adds 6e-10.
        expectClose(y, expected.map(\.value), relative: 4 * roundoff, absolute: 4 * roundoff)
        expectClose(slope, expected.map(\.slope), relative: 0, absolute: 5e-7)
    }

    @Test func valueAndSlopeOverTheWholeRange() {
        let steps = 480_000
        let x = (0...steps).map { Float(-12 + 24 * Double($0) / Double(steps)) }
        let (y, slope) = kernel(x)
        let expected = x.map { reference(Double($0)) }
        expectClose(y, expected.map(\.value), relative: 4 * roundoff, absolute: 4 * roundoff)
        // The slope adds x·φ(x), whose exponential carries the rounding of x²/2: about three more roundings.
        expectClose(slope, expected.map(\.slope), relative: 0, absolute: 5e-7)
    }

    @Test func withoutSlopeAndInPlaceGiveTheSameBits() {
        let x = normalValues(1003, seed: 21, deviation: 3)
        let expected = kernel(x).value
        var y = x
        avk_gelu(x, &y, nil, x.count)
        #expect(y == expected)
        let inPlace = Matrix(rows: 1, columns: x.count, values: x)
        avk_gelu(inPlace.pointer, inPlace.pointer, nil, x.count)
        #expect(inPlace.values == expected)
    }

    @Test func largeValues() {
        let (y, slope) = kernel([-1e30, -1e4, -50, -0.0, 0, 50, 1e4, 1e30])
        // The exponential ends at exp(−87) = 1.6e-38, so x·φ(x) is at most 7e-9 at |x| = 1e30.
        expectClose(y, [0, 0, 0, 0, 0, 50, 1e4, Double(Float(1e30))], relative: 0, absolute: 1e-30)
        expectClose(slope, [0, 0, 0, 0.5, 0.5, 1, 1, 1], relative: 0, absolute: 1e-7)
    }

    @Test func aNaNStaysAtEachPosition() {
        for position in 0..<37 {
            var x = normalValues(37, seed: 22)
            x[position] = .nan
            let (y, slope) = kernel(x)
            for index in x.indices {
                #expect(y[index].isNaN == (index == position))
                #expect(slope[index].isNaN == (index == position))
            }
        }
    }

    @Test func infinitiesAreNotHidden() {
        let (y, slope) = kernel([-.infinity, .infinity])
        #expect(!y[0].isFinite && !y[1].isFinite)
        #expect(!slope[0].isFinite && !slope[1].isFinite)
    }
}

@Suite struct GatedSiLUTests {
    private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    /// Gates over all of the range in which silu is neither 0 nor the identity, with sizes that no vector divides.
    @Test(arguments: kernelSizes + [48_001]) func matchesTheReference(size: Int) {
        let gate = (0..<size).map { Float(-20 + 40 * (Double($0) + 0.3) / Double(size)) }
        let up = normalValues(size, seed: 24)
        var y = [Float](repeating: .nan, count: size)
        avk_gated_silu(gate, up, &y, size)
        let expected = zip(gate, up).map { Double($0) * sigmoid(Double($0)) * Double($1) }
        // exp: 3e-7, in a sum with 1; a few roundings.
        expectClose(y, expected, relative: 6e-7, absolute: 1e-30)
    }

    @Test(arguments: kernelSizes + [48_001]) func backward(size: Int) {
        let gate = (0..<size).map { Float(-20 + 40 * (Double($0) + 0.3) / Double(size)) }
        let (up, g) = (normalValues(size, seed: 25), normalValues(size, seed: 26))
        let old = normalValues(2 * size, seed: 27)
        let slopes = gate.map { (x: Float) -> Double in
            let s = sigmoid(Double(x))
            return s * (1 + Double(x) * (1 - s))
        }
        let toGate = zip(slopes, zip(up, g)).map { $0 * Double($1.0) * Double($1.1) }
        let toUp = zip(gate, g).map { Double($0) * sigmoid(Double($0)) * Double($1) }
        for (addsGate, addsUp) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            var (gateOut, upOut) = (Array(old[..<size]), Array(old[size...]))
            avk_gated_silu_backward(
                g, gate, up, &gateOut, Int32(addsGate), &upOut, Int32(addsUp), size)
            let gates = zip(toGate, old).map { $0 + Double(addsGate) * Double($1) }
            let ups = zip(toUp, old[size...]).map { $0 + Double(addsUp) * Double($1) }
            // The slope is a sum with a zero of its own near −1.28, whose terms are of order 1 there.
            expectClose(
                gateOut, gates, bounds: zip(up, g).map { 1e-6 * Double(abs($0 * $1)) + 3e-7 })
            expectClose(upOut, ups, relative: 1e-6, absolute: Double(addsUp) * 3e-7 + 1e-30)
        }
    }

    @Test func largeGatesAndNaN() {
        let gate: [Float] = [-1e30, -1e4, -100, 0, 100, 1e30, .nan]
        let ones = [Float](repeating: 1, count: 7)
        var (y, toGate, toUp) = (gate, gate, gate)
        avk_gated_silu(gate, ones, &y, 7)
        avk_gated_silu_backward(ones, gate, ones, &toGate, 0, &toUp, 0, 7)
        // The exponential ends at exp(88): 1e30 of it are 6e-9.
        expectClose(Array(y[..<6]), [0, 0, 0, 0, 100, Double(Float(1e30))], relative: 0, absolute: 1e-8)
        expectClose(Array(toUp[..<6]), y[..<6].map(Double.init), relative: 0, absolute: 0)
        expectClose(Array(toGate[..<6]), [0, 0, 0, 0.5, 1, 1], relative: 0, absolute: 1e-8)
        #expect(y[6].isNaN && toGate[6].isNaN && toUp[6].isNaN)
    }
}

@Suite struct AllFiniteTests {
    @Test(arguments: kernelSizes) func findsEachNonFiniteElement(size: Int) {
        var x = normalValues(size, seed: 30, deviation: 1e3)
        #expect(avk_all_finite(x, size) == 1)
        for position in 0..<size {
            let kept = x[position]
            for bad in [Float.nan, -.nan, .signalingNaN, .infinity, -.infinity] {
                x[position] = bad
                #expect(avk_all_finite(x, size) == 0, "\(bad) at \(position) of \(size)")
            }
            x[position] = kept
        }
    }

    @Test func extremesAreFinite() {
        let extremes: [Float] = [
            .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, -0.0, 0,
        ]
        #expect(avk_all_finite(extremes, extremes.count) == 1)
        #expect(avk_all_finite(extremes, 0) == 1)
        #expect(Kernel.allFinite(Matrix(rows: 0, columns: 5)))
    }
}
