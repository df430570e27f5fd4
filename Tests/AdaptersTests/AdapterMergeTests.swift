import Adapters
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Several adapters into one: worked examples, and PEFT's `add_weighted_adapter`.
@Suite struct AdapterMergeTests {
    @Test func trimmingKeepsTheLargest() {
        func trimmed(_ values: [Float], _ density: Double) -> [Float] {
            let matrix = Matrix(rows: 2, columns: values.count / 2, values: values)
            AdapterMerge.trim(matrix, density: density)
            return matrix.values
        }
        #expect(trimmed([1, -4, 2, 3], 0.5) == [0, -4, 0, 3])
        // ⌊0.74 · 4⌋ = 2; of the equal ones the first stay.
        #expect(trimmed([2, -2, 2, 1], 0.74) == [2, -2, 0, 0])
        #expect(trimmed([1, 2, 3, 4], 1) == [1, 2, 3, 4])
        #expect(trimmed([1, 2, 3, 4], 0.2) == [0, 0, 0, 0])
    }

    /// Elected without weights: 3 − 1 > 0, 1 − 2 < 0, 0 is positive; then the mean of the weighted values that agree.
    @Test func electionIsDisjoint() {
        let merged = Matrix(rows: 1, columns: 5)
        AdapterMerge.elect(
            [
                (Matrix(rows: 1, columns: 5, values: [3, 1, 2, 0, -1]), 0.5),
                (Matrix(rows: 1, columns: 5, values: [-1, -2, 4, 0, 1]), 2),
            ], into: merged)
        #expect(merged.values == [1.5, -4, 4.5, 0, 2])
    }

    private func golden(_ name: String) throws -> (set: AdapterSet, backbone: any Backbone) {
        let base = try PretrainedModel.open(Golden.url("bert/model"))
        let backbone = try base.openBackbone()
        let head = try SequenceHead(
            backbone: backbone, outputs: 5, pooling: .pooler, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        let set = try PEFTFolder.load(
            Golden.url("merge/\(name)"), onto: backbone, head: head, base: base.openWeights()
        ).set
        return (set, backbone)
    }

    private func dense(_ adapter: LowRankAdapter) -> Matrix {
        ExactTripletsTests.dense(
            adapter.factors.p.values, adapter.lambda.map { $0 * adapter.factors.factor },
            adapter.factors.q.values)
    }

    private func merged(_ method: AdapterMerge.Method, _ weights: [Double] = [0.75, -0.5]) throws
        -> AdapterSet
    {
        let (first, backbone) = try golden("first")
        let (second, _) = try golden("second")
        let triplets = try AdapterMerge(method: method, weights: weights).triplets(
            of: [first, second], on: backbone.linearLayers, workers: Workers(count: 2))
        return try AdapterSet.choosing(from: triplets, budget: 10_000, costs: nil).set
    }

    /// LoRA of other ranks, scales (alpha / r, alpha / √r) and targets; sites that one of them has, and both.
    @Test(arguments: [("svd", AdapterMerge.Method.sum), ("ties_svd", .ties(density: 0.3))])
    func asPEFTMerges(kind: String, method: AdapterMerge.Method) throws {
        let expected = try TensorStore(file: Golden.url("merge/merged.safetensors"))
        let set = try merged(method)
        #expect(set.adapters.count == 6)
        for adapter in set.adapters {
            let name = "\(kind).\(adapter.layer.modulePath)"
            let matrix = Matrix(rows: adapter.layer.outputs, columns: adapter.layer.inputs)
            try expected.copyFloat32(
                name, into: UnsafeMutableBufferPointer(start: matrix.pointer, count: matrix.count))
            // Both went through an SVD in Float32.
            #expect(ExactTripletsTests.relativeDistance(dense(adapter), matrix) < 1e-5, "\(name)")
        }
    }

    /// At the sum's own rank; the dense way, with more rank than the matrix has, comes to the same.
    @Test func sumsOfManyAreDense() throws {
        let (first, backbone) = try golden("first")
        let many = [AdapterSet](repeating: first, count: 12)
        let weights = [Double](repeating: 0.25, count: 12)
        let triplets = try AdapterMerge(method: .sum, weights: weights).triplets(
            of: many, on: backbone.linearLayers, workers: Workers(count: 2))
        let thrice = try AdapterMerge(method: .sum, weights: [3]).triplets(
            of: [first], on: backbone.linearLayers, workers: Workers(count: 1))
        for (dense, narrow) in zip(triplets, thrice) {
            #expect(dense.singularValues.count == 32 && narrow.singularValues.count == 3)
            // The other 29 are rounding.
            #expect(dense.singularValues.count { $0 > 0 } == 3)
            for (a, b) in zip(dense.singularValues, narrow.singularValues) { #expect(abs(a - b) < 1e-5 * a) }
        }
    }

    @Test func droppingIsSeededAndFair() throws {
        let all = try merged(.dare(density: 1, seed: 1))
        for (dropped, sum) in zip(all.adapters, try merged(.sum).adapters) {
            #expect(ExactTripletsTests.relativeDistance(dense(dropped), dense(sum)) < 1e-5)
        }
        func first(_ seed: UInt64) throws -> Matrix {
            dense(try #require(try merged(.dare(density: 0.25, seed: seed), [1, 0]).adapters.first))
        }
        #expect(try first(3).values == first(3).values)
        let whole = dense(try #require(try merged(.sum, [1, 0]).adapters.first))
        let (one, other) = (try first(3), try first(4))
        #expect(one.values != other.values)
        // Four times as large where it stayed; 1024 entries at 1/4 with a deviation of 13.9, four of them allowed.
        let stayed = (0..<one.count).count { abs(one.pointer[$0]) > 1e-4 }
        #expect(abs(stayed - 256) < 56)
        for index in 0..<one.count where abs(one.pointer[index]) > 1e-4 {
            #expect(abs(one.pointer[index] - 4 * whole.pointer[index]) < 1e-4)
        }
    }

    /// Of a dense update the leading triplets by subspace iteration, and what is outside them counts as lost.
    @Test func leadingTripletsOfADenseUpdate() throws {
        let layer = try #require(try tinyEncoder().linearLayers.first { $0.site.role == .intermediate })
        let update = Matrix(rows: layer.outputs, columns: layer.inputs)
        var stream = RandomStream(seed: 9, purpose: "update")
        stream.fillNormal(update, deviation: 1)
        let exact = try UpdateTriplets(ofDense: update, on: layer, leading: nil, seed: 1)
        let leading = try UpdateTriplets(ofDense: update, on: layer, leading: 3, seed: 1)
        #expect(exact.singularValues.count == 32 && leading.singularValues.count == 3)
        // A Gaussian's flat spectrum is the worst case: 13 powers of σ₁₂ / σ₃.
        for (a, b) in zip(leading.singularValues, exact.singularValues) { #expect(abs(a - b) < 1e-2 * b) }
        #expect(abs(leading.energy - update.sumOfSquares) < 1e-4 * update.sumOfSquares)
        let errors = try [exact, leading].map {
            try AdapterSet.choosing(from: [$0], budget: 3, costs: nil).sites[0].relativeError
        }
        #expect(abs(errors[0] - errors[1]) < 1e-3)
    }
}
