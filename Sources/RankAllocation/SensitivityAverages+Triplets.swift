/// Averages of a row-major matrix whose columns (P) or rows (λ, Q) are triplets: choosing, adding and mixing
/// them.
extension SensitivityAverages {
    /// Keeps the given columns of a `[rows, columns]` array, in that order, and appends `added` columns of 0.
    func keepingColumns(_ kept: [Int], of columns: Int, rows: Int, adding added: Int) -> SensitivityAverages {
        func reshaped(_ values: [Float]) -> [Float] {
            let width = kept.count + added
            var result = [Float](repeating: 0, count: rows * width)
            for row in 0..<rows {
                for (position, column) in kept.enumerated() {
                    result[row * width + position] = values[row * columns + column]
                }
            }
            return result
        }
        return SensitivityAverages(sensitivity: reshaped(sensitivity), uncertainty: reshaped(uncertainty))
    }

    /// Keeps the given rows of a `[rows, columns]` array, in that order, and appends `added` rows of 0.
    func keepingRows(_ kept: [Int], of columns: Int, adding added: Int) -> SensitivityAverages {
        func reshaped(_ values: [Float]) -> [Float] {
            var result: [Float] = []
            result.reserveCapacity((kept.count + added) * columns)
            for row in kept { result += values[row * columns..<(row + 1) * columns] }
            result += repeatElement(0, count: added * columns)
            return result
        }
        return SensitivityAverages(sensitivity: reshaped(sensitivity), uncertainty: reshaped(uncertainty))
    }

    /// Row `i` becomes `Σ_j row_j · weights[j, i]`, with weights `[rows, rows]`.
    func mixingRows(by weights: [Float], rows: Int) -> SensitivityAverages {
        guard rows > 0, !Self.isIdentity(weights, size: rows) else { return self }
        let columns = count / rows
        return SensitivityAverages(
            sensitivity: Self.mixRows(sensitivity, by: weights, rows: rows, columns: columns),
            uncertainty: Self.mixRows(uncertainty, by: weights, rows: rows, columns: columns))
    }

    /// Column `i` becomes `Σ_j column_j · weights[j, i]`, with weights `[columns, columns]`.
    ///
    /// The columns of a low rank are too short to vectorize over, so they are mixed as the rows of the
    /// transposed array.
    func mixingColumns(by weights: [Float], columns: Int) -> SensitivityAverages {
        guard columns > 0, !Self.isIdentity(weights, size: columns) else { return self }
        let rows = count / columns
        func mixed(_ values: [Float]) -> [Float] {
            let transposed = Self.transposed(values, rows: rows, columns: columns)
            let result = Self.mixRows(transposed, by: weights, rows: columns, columns: rows)
            return Self.transposed(result, rows: columns, columns: rows)
        }
        return SensitivityAverages(sensitivity: mixed(sensitivity), uncertainty: mixed(uncertainty))
    }

    private static func isIdentity(_ weights: [Float], size: Int) -> Bool {
        (0..<size).allSatisfy { row in
            (0..<size).allSatisfy { weights[row * size + $0] == (row == $0 ? 1 : 0) }
        }
    }

    /// Weights of 0 are skipped: that makes permutations cheap, and keeps an average that is not finite from
    /// spreading to triplets it has no part in.
    private static func mixRows(_ values: [Float], by weights: [Float], rows: Int, columns: Int) -> [Float] {
        var mixed = [Float](repeating: 0, count: values.count)
        mixed.withUnsafeMutableBufferPointer { mixed in
            values.withUnsafeBufferPointer { values in
                guard let target = mixed.baseAddress, let source = values.baseAddress else { return }
                for to in 0..<rows {
                    for from in 0..<rows where weights[from * rows + to] != 0 {
                        add(
                            source + from * columns, times: weights[from * rows + to],
                            to: target + to * columns, count: columns)
                    }
                }
            }
        }
        return mixed
    }

    private static func add(
        _ values: UnsafePointer<Float>, times weight: Float, to sums: UnsafeMutablePointer<Float>, count: Int
    ) {
        for index in 0..<count { sums[index] += weight * values[index] }
    }

    private static func transposed(_ values: [Float], rows: Int, columns: Int) -> [Float] {
        var result = [Float](repeating: 0, count: values.count)
        result.withUnsafeMutableBufferPointer { result in
            values.withUnsafeBufferPointer { values in
                guard let target = result.baseAddress, let source = values.baseAddress else { return }
                for column in 0..<columns {
                    for row in 0..<rows {
                        target[column * rows + row] = source[row * columns + column]
                    }
                }
            }
        }
        return result
    }
}
