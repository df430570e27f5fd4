import CVectorKernels
import Matrices

extension Tape {
    /// Multi-head attention of packed rows: k and v are [T, C], q and out [Tq, C], heads side by side in the columns
    /// (head h holds columns h·D ..< (h + 1)·D); a row attends to the rows of its own sequence only.
    ///
    /// softmax(q·kᵀ / √D)·v for each sequence and head. The probabilities [Lq, L] of all heads are kept for the backward
    /// pass, unless there are longer sequences than `longestKept`: their memory grows with the square of the length (at
    /// 512, 32 sequences and 12 heads 400 MB a layer), and to compute them again costs one product of seven.
    ///
    /// - Parameters:
    ///   - offsets: where the sequences begin in k and v, and the end: B + 1 entries.
    ///   - queryOffsets: the same for q, where it has other rows than k and v; nil where it has the same.
    ///   - positions: terms of the scores beside q·kᵀ; the query rows of a sequence are then its first ones.
    package func attention(
        query: Variable, key: Variable, value: Variable, queryOffsets: [Int]? = nil, offsets: [Int],
        heads: Int, positions: RelativePositions? = nil, longestKept: Int = 128
    ) -> Variable {
        let columns = query.value.columns
        precondition(columns % heads == 0, "\(columns) columns do not divide into \(heads) heads")
        let shape = AttentionShape(
            queries: queryOffsets ?? offsets, keys: offsets, heads: heads, width: columns / heads)
        for (name, ends, rows) in [
            ("query", shape.queries, query.value.rows), ("key", offsets, key.value.rows),
        ] {
            precondition(
                ends.count == offsets.count && ends.first == 0 && ends.last == rows,
                "\(ends.count) \(name) offsets from \(ends.first ?? 0) to \(ends.last ?? 0), not over \(rows) rows"
            )
        }
        let terms = positions.map { ScoreTerms($0, query: query, key: key, shape: shape, pool: pool) }
        let scale = 1 / Float((terms?.count ?? 1) * shape.width).squareRoot()
        let out = output(
            rows: query.value.rows, columns: columns,
            needsGradient: query.needsGradient || key.needsGradient || value.needsGradient
                || (terms?.needsGradient ?? false))
        let isKept = out.needsGradient && shape.longestSequence <= longestKept
        let probabilities = pool.matrix(
            rows: 1, columns: isKept ? shape.probabilities : shape.largestBlock)
        shape.forEachHead { block in
            let p = probabilities.pointer + (isKept ? block.probabilities : 0)
            Self.attend(query.value, key.value, terms, block, shape, scale, into: p)
            Product.gemm(
                false, false, block.queryRows, shape.width, block.keyRows, 1, p, block.keyRows,
                value.value.pointer + block.key, columns, 0, out.value.pointer + block.query, columns)
        }
        if out.needsGradient {
            query.keepValue()
            key.keepValue()
            value.keepValue()
        }
        let kept = isKept ? probabilities : nil
        record(out) { [unowned self] g in
            backwardAttention(query, key, value, terms, shape, scale, kept, g)
        }
        return out
    }

    /// p[Lq, L] = softmax((q·kᵀ + terms) · scale) of one head of one sequence
    private static func attend(
        _ query: Matrix, _ key: Matrix, _ terms: ScoreTerms?, _ block: AttentionShape.Block,
        _ shape: AttentionShape, _ scale: Float, into p: UnsafeMutablePointer<Float>
    ) {
        Product.gemm(
            false, true, block.queryRows, block.keyRows, shape.width, 1, query.pointer + block.query,
            shape.columns, key.pointer + block.key, shape.columns, 0, p, block.keyRows)
        terms?.add(to: p, block)
        avk_softmax_rows(p, scale, block.queryRows, block.keyRows)
    }

    private func backwardAttention(
        _ query: Variable, _ key: Variable, _ value: Variable, _ terms: ScoreTerms?,
        _ shape: AttentionShape, _ scale: Float, _ kept: Matrix?, _ g: Matrix
    ) {
        let (columns, width) = (shape.columns, shape.width)
        let scratch = pool.matrix(rows: 1, columns: shape.largestBlock)
        let again = kept == nil ? pool.matrix(rows: 1, columns: shape.largestBlock) : nil
        // In the order they are written below, so that inputs which are one variable accumulate.
        let dValue = gradientTarget(of: value)
        let dQuery = gradientTarget(of: query)
        let dKey = gradientTarget(of: key)
        let dTerms = terms?.startBackward(pool)
        shape.forEachHead { block in
            let (rows, length) = (block.queryRows, block.keyRows)
            let p: UnsafeMutablePointer<Float>
            if let kept {
                p = kept.pointer + block.probabilities
            } else if let again {
                p = again.pointer
                Self.attend(query.value, key.value, terms, block, shape, scale, into: p)
            } else {
                return
            }
            let gBlock = g.pointer + block.query
            if let dValue {  // dV = Pᵀ · g
                Product.gemm(
                    true, false, length, width, rows, 1, p, length, gBlock, columns,
                    dValue.accumulate ? 1 : 0, dValue.matrix.pointer + block.key, columns)
            }
            if dQuery == nil && dKey == nil && !(terms?.needsGradient ?? false) { return }
            // dP = g · vᵀ, then through the softmax
            Product.gemm(
                false, true, rows, length, width, 1, gBlock, columns, value.value.pointer + block.key,
                columns, 0,
                scratch.pointer, length)
            avk_softmax_backward_rows(p, scratch.pointer, scale, rows, length)
            if let dQuery {
                Product.gemm(
                    false, false, rows, width, length, 1, scratch.pointer, length,
                    key.value.pointer + block.key, columns, dQuery.accumulate ? 1 : 0,
                    dQuery.matrix.pointer + block.query, columns)
            }
            if let dKey {
                Product.gemm(
                    true, false, length, width, rows, 1, scratch.pointer, length,
                    query.value.pointer + block.query, columns, dKey.accumulate ? 1 : 0,
                    dKey.matrix.pointer + block.key, columns)
            }
            if let terms, let dTerms {
                terms.backward(
                    scratch.pointer, block, query: dQuery?.matrix, key: dKey?.matrix, into: dTerms)
            }
        }
        if let terms, let dTerms { terms.finishBackward(dTerms, on: self) }
    }
}
