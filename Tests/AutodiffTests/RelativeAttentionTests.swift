import Autodiff
import Foundation
import Matrices
import Testing

/// Attention that knows distances, against plain loops and finite differences.
@Suite struct RelativeAttentionTests {
    /// Sequences of 1, 5 and 37 rows (more than are taken at a time); two heads of width 4.
    private let offsets = [0, 1, 6, 43]
    private let heads = 2
    private let longest = 37
    private let q = normalMatrix(43, 8, seed: 70, deviation: 0.7)
    private let k = normalMatrix(43, 8, seed: 71, deviation: 0.7)
    private let v = normalMatrix(43, 8, seed: 72)

    /// Each distance by itself, or all from 3 on as one.
    enum Table: CaseIterable {
        case distances, buckets

        func row(_ distance: Int) -> Int {
            self == .distances ? distance + 40 : min(max(distance, -3), 3) + 3
        }
    }

    enum Terms: CaseIterable {
        case key, query, both

        var hasKey: Bool { self != .query }
        var hasQuery: Bool { self != .key }
    }

    private func rows(_ table: Table, queryRows: Int? = nil) -> RelativeRows {
        RelativeRows(queryRows: queryRows ?? longest, keyRows: longest, tableRow: table.row)
    }

    private func positions(_ rows: RelativeRows, seed: UInt64, columns: Int = 8) -> Matrix {
        normalMatrix(rows.tableRows.count, columns, seed: seed, deviation: 0.7)
    }

    /// softmax of `score` over the keys of a row's sequence, times v; the first `queryRows` rows of each sequence.
    private func reference(
        queryRows: Int = .max, _ score: (_ head: Int, _ row: Int, _ key: Int, _ distance: Int) -> Double
    ) -> [Double] {
        var out: [Double] = []
        for (start, end) in zip(offsets, offsets.dropFirst()) {
            for row in start..<min(end, start + min(queryRows, end)) {
                for head in 0..<heads {
                    let powers = (start..<end).map { exp(score(head, row, $0, row - $0)) }
                    let sum = powers.reduce(0, +)
                    for column in head * 4..<head * 4 + 4 {
                        out.append(
                            zip(start..<end, powers).reduce(0) {
                                $0 + $1.1 / sum * Double(v.row($1.0)[column])
                            })
                    }
                }
            }
        }
        return out
    }

    private func dot(_ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>, _ head: Int)
        -> Double
    {
        (head * 4..<head * 4 + 4).reduce(0) { $0 + Double(a[$1]) * Double(b[$1]) }
    }

    private func disentangled(
        _ terms: Terms, _ table: Table, _ rows: RelativeRows, _ positionKey: Matrix, _ positionQuery: Matrix,
        queryRows: Int = .max
    ) -> [Double] {
        let scale = 1 / Double(4 * (terms == .both ? 3 : 2)).squareRoot()
        return reference(queryRows: queryRows) { head, row, key, distance in
            let entry = rows.tableRows.firstIndex(of: Int32(table.row(distance))) ?? -1
            var score = dot(q.row(row), k.row(key), head)
            if terms.hasKey { score += dot(q.row(row), positionKey.row(entry), head) }
            if terms.hasQuery { score += dot(k.row(key), positionQuery.row(entry), head) }
            return score * scale
        }
    }

    /// δ of 3 query and 4 key rows, where all from 2 on share a row: distances 2 1 0 −1 −2 −3.
    @Test func distancesBecomeRowsInFallingOrder() {
        let rows = RelativeRows(queryRows: 3, keyRows: 4) { min(max($0, -2), 2) + 2 }
        #expect(rows.tableRows == [4, 3, 2, 1, 0])
        #expect(RelativeRows(queryRows: 1, keyRows: 3) { $0 + 9 }.tableRows == [9, 8, 7])
    }

    // Scores of order 3 rounded by 1e-6 go through the exponential.
    @Test(arguments: Terms.allCases, Table.allCases) func disentangledValues(terms: Terms, table: Table) {
        let rows = rows(table)
        let (pk, pq) = (positions(rows, seed: 73), positions(rows, seed: 74))
        let out = evaluate {
            $0.attention(
                query: $0.input(q), key: $0.input(k), value: $0.input(v), offsets: offsets, heads: heads,
                positions: .disentangled(
                    positionKey: terms.hasKey ? $0.input(pk) : nil,
                    positionQuery: terms.hasQuery ? $0.input(pq) : nil, rows))
        }
        let expected = disentangled(terms, table, rows, pk, pq)
        #expect(out.count == expected.count)
        for (value, expected) in zip(out, expected) { #expect(abs(Double(value) - expected) < 5e-6) }
    }

    @Test(arguments: Table.allCases) func disentangledGradients(table: Table) {
        let rows = rows(table)
        GradientCheck(inputs: [q, k, v, positions(rows, seed: 73), positions(rows, seed: 74)]) {
            [offsets, heads] tape, inputs in
            tape.attention(
                query: inputs[0], key: inputs[1], value: inputs[2], offsets: offsets, heads: heads,
                positions: .disentangled(positionKey: inputs[3], positionQuery: inputs[4], rows))
        }.run()
    }

    /// One term alone; queries, keys and values without gradients, as below the lowest adapter.
    @Test(arguments: [Terms.key, .query]) func gradientsOfPositionsAlone(terms: Terms) {
        let rows = rows(.buckets)
        GradientCheck(inputs: [positions(rows, seed: 73)]) { [q, k, v, offsets, heads] tape, inputs in
            tape.attention(
                query: tape.input(q), key: tape.input(k), value: tape.input(v), offsets: offsets,
                heads: heads,
                positions: .disentangled(
                    positionKey: terms.hasKey ? inputs[0] : nil,
                    positionQuery: terms.hasQuery ? inputs[0] : nil,
                    rows))
        }.run()
    }

    /// Queries and keys alone, as where adapters leave the shared projections bare.
    @Test func gradientsBesideFrozenPositions() {
        let rows = rows(.distances)
        let (pk, pq) = (positions(rows, seed: 73), positions(rows, seed: 74))
        GradientCheck(inputs: [q, k]) { [v, offsets, heads] tape, inputs in
            tape.attention(
                query: inputs[0], key: inputs[1], value: tape.input(v), offsets: offsets, heads: heads,
                positions: .disentangled(
                    positionKey: tape.input(pk), positionQuery: tape.input(pq), rows))
        }.run()
    }

    /// One variable as both positions, and as queries and keys.
    @Test func sharedInputs() {
        let rows = rows(.buckets)
        GradientCheck(inputs: [q, positions(rows, seed: 73)]) { [v, offsets, heads] tape, inputs in
            tape.attention(
                query: inputs[0], key: inputs[0], value: tape.input(v), offsets: offsets, heads: heads,
                positions: .disentangled(positionKey: inputs[1], positionQuery: inputs[1], rows))
        }.run()
    }

    /// Only the first row of each sequence asks; its distances are 0 and less.
    @Test(arguments: Table.allCases) func fewerQueries(table: Table) {
        let rows = rows(table, queryRows: 1)
        #expect(rows.tableRows.count == (table == .distances ? 37 : 4))
        let (pk, pq) = (positions(rows, seed: 75), positions(rows, seed: 76))
        let few = Matrix(
            rows: 3, columns: 8,
            values: [0, 1, 6].flatMap { Array(UnsafeBufferPointer(start: q.row($0), count: 8)) })
        func attention(_ tape: Tape, _ inputs: [Variable]) -> Variable {
            tape.attention(
                query: inputs[0], key: inputs[1], value: inputs[2], queryOffsets: [0, 1, 2, 3],
                offsets: offsets, heads: heads,
                positions: .disentangled(positionKey: inputs[3], positionQuery: inputs[4], rows))
        }
        let inputs = [few, k, v, pk, pq]
        let out = evaluate { tape in attention(tape, inputs.map { tape.input($0) }) }
        let expected = disentangled(.both, table, rows, pk, pq, queryRows: 1)
        #expect(out.count == expected.count)
        for (value, expected) in zip(out, expected) { #expect(abs(Double(value) - expected) < 5e-6) }
        GradientCheck(inputs: inputs, build: attention).run()
    }

    @Test(arguments: Table.allCases) func biasValuesAndGradients(table: Table) {
        let rows = rows(table)
        let bias = positions(rows, seed: 77, columns: heads)
        func attention(_ tape: Tape, _ inputs: [Variable]) -> Variable {
            tape.attention(
                query: inputs[0], key: inputs[1], value: inputs[2], offsets: offsets, heads: heads,
                positions: .bias(inputs[3], rows))
        }
        let inputs = [q, k, v, bias]
        let expected = reference { head, row, key, distance in
            let entry = rows.tableRows.firstIndex(of: Int32(table.row(distance))) ?? -1
            return dot(q.row(row), k.row(key), head) / 2 + Double(bias.row(entry)[head])
        }
        let out = evaluate { tape in attention(tape, inputs.map { tape.input($0) }) }
        for (value, expected) in zip(out, expected) { #expect(abs(Double(value) - expected) < 5e-6) }
        GradientCheck(inputs: inputs, build: attention).run()
    }

    /// Scores computed again in the backward pass give the same bits.
    @Test func probabilitiesNeedNotBeKept() {
        let rows = rows(.buckets)
        let inputs = [q, k, v, positions(rows, seed: 73), positions(rows, seed: 74)]
        func run(_ limit: Int) -> [[Float]] {
            let tape = Tape(
                pool: poisonedPool(), parameterGradients: Matrix(rows: 1, columns: 1), dropoutStream: nil)
            let variables = inputs.map { tape.input($0, needsGradient: true) }
            let out = tape.attention(
                query: variables[0], key: variables[1], value: variables[2], offsets: offsets, heads: heads,
                positions: .disentangled(positionKey: variables[3], positionQuery: variables[4], rows),
                longestKept: limit)
            let values = out.value.values
            seedGradient(of: out, with: normalMatrix(43, 8, seed: 78))
            tape.backward()
            return [values] + variables.map { $0.gradient?.values ?? [] }
        }
        let kept = run(128)
        #expect(run(0) == kept)
        #expect(kept.map(\.count) == [344, 344, 344, 344, 56, 56])
    }
}
