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

    /// Products in bf16 are by row as they are, of weights that stay laid out and of packed ones.
    @Test(arguments: ["F32", "Q8_0"]) func bfloat16KeepsItsBits(_ format: String) throws {
        let kind = try #require(WeightFormat.named(format))
        let weight = BFloat16Products(
            kind.open(
                rows: 70, columns: 256,
                WeightBytes(copying: try PackedValues.random(70, 256, format, seed: 8))))
        let x = normalMatrix(33, 256, seed: 9)
        let pool = BufferPool()
        let whole = Matrix(rows: 33, columns: 70)
        weight.multiplyTransposed(x, into: whole, adding: false, pool: pool)
        for rows in [0..<33, 0..<1, 5..<12] {
            let some = Matrix(rows: rows.count, columns: 70)
            weight.multiplyTransposedByRow(x.rows(rows), into: some, adding: false, pool: pool)
            #expect(some.values == whole.rows(rows).values)
        }
    }
}
