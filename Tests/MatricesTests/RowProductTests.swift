import Matrices
import Testing

/// Products by row: each row has the bits that it has alone, which products of OpenBLAS have not.
@Suite struct RowProductTests {
    @Test(arguments: WeightFormat.all.map(\.name), [256, 1536])
    func aRowIsTheSameInAnyCompany(_ format: String, inputs: Int) throws {
        let (outputs, count) = (130, 139)
        let kind = try #require(WeightFormat.named(format))
        let weight = kind.open(
            rows: outputs, columns: inputs,
            WeightBytes(copying: try PackedValues.random(outputs, inputs, format, seed: 8)))
        let x = normalMatrix(count, inputs, seed: 9)
        let pool = BufferPool()
        let whole = Matrix(rows: count, columns: outputs)
        weight.multiplyTransposedByRow(x, into: whole, adding: false, pool: pool)
        let expected = Matrix(rows: count, columns: outputs)
        Product.multiplyTransposed(x, weight.dense(), into: expected)
        // Sums of products of about 1 in another order.
        for index in 0..<whole.count where abs(whole.pointer[index] - expected.pointer[index]) > 2e-3 {
            Issue.record("\(whole.pointer[index]) where \(expected.pointer[index]) was expected")
        }
        for start in [0, 1, 5, 63, 64, 70, 138] {
            for rows in [1, 2, 3, 5, 6, 7, 17, 64, 65] where start + rows <= count {
                let some = Matrix(rows: rows, columns: outputs)
                weight.multiplyTransposedByRow(
                    x.rows(start..<start + rows), into: some, adding: true, pool: pool)
                #expect(some.values == whole.rows(start..<start + rows).values, "\(rows) rows from \(start)")
            }
        }
    }
}
