import CVectorKernels
import Matrices

extension Tape {
    /// Multi-head self-attention of packed rows: q, k, v and out are [T, C], heads side by side in the columns
    /// (head h holds columns h·D ..< (h + 1)·D); a row attends to the rows of its own sequence only.
    ///
    /// softmax(q·kᵀ / √D)·v for each sequence and head. The probabilities [L, L] are kept for the backward pass.
    public func attention(
        query: Variable, key: Variable, value: Variable, offsets: [Int], heads: Int
    ) -> Variable {
        let (rows, columns) = (query.value.rows, query.value.columns)
        precondition(columns % heads == 0, "\(columns) columns do not divide into \(heads) heads")
        precondition(
            offsets.first == 0 && offsets.last == rows,
            "offsets run from \(offsets.first ?? 0) to \(offsets.last ?? 0), not over \(rows) rows")
        let width = columns / heads
        let scale = 1 / Float(width).squareRoot()
        let out = output(
            rows: rows, columns: columns,
            needsGradient: query.needsGradient || key.needsGradient || value.needsGradient)
        let probabilityCount = zip(offsets, offsets.dropFirst()).reduce(0) { sum, pair in
            sum + (pair.1 - pair.0) * (pair.1 - pair.0) * heads
        }
        let probabilities = pool.matrix(rows: 1, columns: probabilityCount)
        forEachHead(offsets, heads, width) { block, start, length in
            let p = probabilities.pointer + block
            Product.gemm(
                false, true, length, length, width, 1, query.value.pointer + start, columns,
                key.value.pointer + start, columns, 0, p, length)
            avk_softmax_rows(p, scale, length, length)
            Product.gemm(
                false, false, length, width, length, 1, p, length, value.value.pointer + start, columns, 0,
                out.value.pointer + start, columns)
        }
        record(out) { [unowned self] g in
            backwardAttention(query, key, value, offsets, heads, scale, probabilities, g)
        }
        return out
    }

    private func backwardAttention(
        _ query: Variable, _ key: Variable, _ value: Variable, _ offsets: [Int], _ heads: Int, _ scale: Float,
        _ probabilities: Matrix, _ g: Matrix
    ) {
        let columns = query.value.columns
        let width = columns / heads
        let longest = zip(offsets, offsets.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) }
        let scratch = pool.matrix(rows: longest, columns: longest)
        // In the order they are written below, so that inputs which are one variable accumulate.
        let dValue = gradientTarget(of: value)
        let dQuery = gradientTarget(of: query)
        let dKey = gradientTarget(of: key)
        forEachHead(offsets, heads, width) { block, start, length in
            let p = probabilities.pointer + block
            let gBlock = g.pointer + start
            if let dValue {  // dV = Pᵀ · g
                Product.gemm(
                    true, false, length, width, length, 1, p, length, gBlock, columns,
                    dValue.accumulate ? 1 : 0, dValue.matrix.pointer + start, columns)
            }
            if dQuery == nil && dKey == nil { return }
            // dP = g · vᵀ, then through the softmax
            Product.gemm(
                false, true, length, length, width, 1, gBlock, columns, value.value.pointer + start, columns,
                0,
                scratch.pointer, length)
            avk_softmax_backward_rows(p, scratch.pointer, scale, length, length)
            if let dQuery {
                Product.gemm(
                    false, false, length, width, length, 1, scratch.pointer, length,
                    key.value.pointer + start, columns, dQuery.accumulate ? 1 : 0,
                    dQuery.matrix.pointer + start, columns)
            }
            if let dKey {
                Product.gemm(
                    true, false, length, width, length, 1, scratch.pointer, length,
                    query.value.pointer + start, columns, dKey.accumulate ? 1 : 0,
                    dKey.matrix.pointer + start, columns)
            }
        }
    }

    /// Calls `body(offset of the head's [L, L] block, offset of its first element in [T, C], L)`.
    private func forEachHead(_ offsets: [Int], _ heads: Int, _ width: Int, _ body: (Int, Int, Int) -> Void) {
        var block = 0
        for sequence in 0..<(offsets.count - 1) {
            let length = offsets[sequence + 1] - offsets[sequence]
            for head in 0..<heads {
                body(block, offsets[sequence] * heads * width + head * width, length)
                block += length * length
            }
        }
    }
}
