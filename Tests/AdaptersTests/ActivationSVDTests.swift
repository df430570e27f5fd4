import Adapters
import Autodiff
import Matrices
import Testing
import Transformers

/// Leading directions of the inputs, batch by batch, against one SVD of all rows together.
@Suite struct ActivationSVDTests {
    private static func batches() -> [PackedBatch] {
        var stream = RandomStream(seed: 31, purpose: "tokens")
        return (0..<4).map { _ in
            PackedBatch(
                (0..<3).map { _ in
                    let length = 3 + Int(stream.uniform() * 9)
                    return (
                        ids: (0..<length).map { _ in Int32(5 + stream.uniform() * 90) },
                        typeIDs: [Int32](repeating: 0, count: length)
                    )
                })
        }
    }

    /// Keeps what goes into one layer.
    private final class Recorder: LinearAdapter, @unchecked Sendable {
        var rows: [[Float]] = []

        func output(of x: Variable, weight: Weight, bias: Weight?, on tape: Tape) -> Variable {
            for row in 0..<x.value.rows {
                rows.append(Array(UnsafeBufferPointer(start: x.value.row(row), count: x.value.columns)))
            }
            return tape.linear(x, weight: weight, bias: bias)
        }
    }

    @Test func directionsAndExplainedVarianceOfAllRows() throws {
        let backbone = try tinyEncoder()
        let layers = backbone.linearLayers
        let workers = Workers(count: 2)
        let recorders = layers.map { _ in Recorder() }
        for (layer, recorder) in zip(layers, recorders) { layer.adapter = recorder }
        for batch in Self.batches() {
            _ = backbone.hiddenStates(batch, on: Tape(evaluatingWith: BufferPool()))
        }
        for layer in layers { layer.adapter = nil }

        let statistics = ActivationSVD(probing: layers)
        for batch in Self.batches() {
            _ = backbone.hiddenStates(batch, on: Tape(evaluatingWith: BufferPool()))
            try statistics.fold(workers: workers)
        }
        let found = try statistics.finish(count: 4, seed: 1, workers: workers)
        #expect(layers.allSatisfy { $0.adapter == nil })
        for (index, layer) in layers.enumerated() {
            let rows = recorders[index].rows
            let all = Matrix(rows: rows.count, columns: layer.inputs, values: rows.flatMap { $0 })
            let energy = all.sumOfSquares
            let exact = try Factorization.svd(overwriting: all)
            #expect(found[index].vectors.rows == 4 && found[index].explained.count == 4)
            for direction in 0..<4 {
                let share = Double(exact.values[direction]) * Double(exact.values[direction]) / energy
                #expect(abs(Double(found[index].explained[direction]) - share) < 1e-5, "\(layer.site)")
                let dot = (0..<layer.inputs).reduce(0.0) {
                    $0 + Double(found[index].vectors.row(direction)[$1]) * Double(exact.vt.row(direction)[$1])
                }
                // Vectors are as certain as their values are apart; these are, in the tiny model.
                #expect(abs(abs(dot) - 1) < 1e-3, "\(layer.site), direction \(direction)")
            }
        }
    }

    /// Fewer rows than columns: what lies beyond their rank explains nothing, and is still orthonormal.
    @Test func fewTokensAreEnough() throws {
        let backbone = try tinyEncoder()
        let workers = Workers(count: 2)
        let statistics = ActivationSVD(probing: backbone.linearLayers)
        _ = backbone.hiddenStates(
            PackedBatch([(ids: [5, 6, 7], typeIDs: [0, 0, 0])]), on: Tape(evaluatingWith: BufferPool()))
        try statistics.fold(workers: workers)
        for directions in try statistics.finish(count: 6, seed: 1, workers: workers) {
            #expect(directions.explained.prefix(3).reduce(0, +) > 0.9999)
            #expect(directions.explained.suffix(3).allSatisfy { $0 < 1e-6 })
            #expect(ExactTripletsTests.deviation(directions.vectors) < 1e-5)
        }
    }

    @Test func adaptersStartAlongTheDirections() throws {
        let backbone = try tinyEncoder()
        let layers = backbone.linearLayers
        let workers = Workers(count: 1)
        let statistics = ActivationSVD(probing: layers)
        _ = backbone.hiddenStates(Self.batches()[0], on: Tape(evaluatingWith: BufferPool()))
        try statistics.fold(workers: workers)
        let found = try statistics.finish(count: 4, seed: 1, workers: workers)
        var plan = plan(initialization: .activationSVD)
        for (index, layer) in layers.enumerated() {
            plan.rightVectors[layer.site] = found[index].vectors
            plan.ranks[layer.site] = 1 + index % 4
        }
        let set = try AdapterSet(installing: plan, on: layers)
        #expect(set.ranks == layers.indices.map { 1 + $0 % 4 })
        for (index, adapter) in set.adapters.enumerated() {
            let q = adapter.factors.q.values
            #expect(q.values == Array(found[index].vectors.values.prefix(q.count)))
            #expect(adapter.lambda.allSatisfy { $0 == 0 })
        }
    }
}
