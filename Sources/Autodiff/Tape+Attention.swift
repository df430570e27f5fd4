import CVectorKernels
import Matrices

extension Tape {
    /// Up to which length attention keeps its probabilities for the backward pass: 12 heads of 64 keys take 768 floats a row, as many
    /// as a row of BERT-base.
    package static let longestKept = 64

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
        heads: Int, positions: RelativePositions? = nil, longestKept: Int = Tape.longestKept
    ) -> Variable {
        precondition(
            query.columns % heads == 0, "\(query.columns) columns do not divide into \(heads) heads")
        let shape = AttentionShape(
            queries: queryOffsets ?? offsets, keys: offsets, heads: heads, keyValueHeads: heads,
            width: query.columns / heads, isCausal: false)
        Self.check(shape, query, key, value)
        let terms = positions.map { ScoreTerms($0, query: query, key: key, shape: shape, pool: pool) }
        let scale = 1 / Float((terms?.count ?? 1) * shape.width).squareRoot()
        return attended(query, key, value, terms, shape, ScoreForm(scale: scale), longestKept)
    }

    /// The same for causal attention with grouped queries (Ainslie et al. 2023, "GQA"): a row attends to the rows of its own
    /// sequence up to itself, in k and v [T, keyValueHeads · D], of which head h / (heads / keyValueHeads) is that of query
    /// head h.
    ///
    /// Probabilities are computed in blocks of 64 query rows: what no row of a block sees is left out of its products.
    ///
    /// - Parameters:
    ///   - queryOffsets: where q has other rows than k and v: the Lq query rows of a sequence are then its last ones, and
    ///     row i sees key rows 0 ... L − Lq + i.
    ///   - paths: where k and v hold rows that several sequences see, which rows each one sees; `offsets` are not read then.
    ///   - scores: another scale, a cap, a window; key rows that no row of a block sees through it are left out, too.
    package func causalAttention(
        query: Variable, key: Variable, value: Variable, queryOffsets: [Int]? = nil, offsets: [Int],
        paths: KeyPaths? = nil, heads: Int, keyValueHeads: Int, scores: CausalScores = CausalScores(),
        longestKept: Int = Tape.longestKept
    ) -> Variable {
        precondition(
            keyValueHeads > 0 && heads % keyValueHeads == 0 && query.columns % heads == 0,
            "\(query.columns) columns in \(heads) heads for \(keyValueHeads) of keys and values")
        let shape = AttentionShape(
            queries: queryOffsets ?? offsets, keys: offsets, heads: heads, keyValueHeads: keyValueHeads,
            width: query.columns / heads, isCausal: true, window: scores.window, paths: paths)
        Self.check(shape, query, key, value)
        for sequence in 0..<shape.sequences {
            precondition(
                shape.queryRows(sequence) <= shape.keyRows(sequence),
                "\(shape.queryRows(sequence)) query rows after \(shape.keyRows(sequence)) key rows")
        }
        let form = ScoreForm(
            scale: scores.scale ?? 1 / Float(shape.width).squareRoot(), softCap: scores.softCap)
        return attended(query, key, value, nil, shape, form, longestKept)
    }

    private static func check(_ shape: AttentionShape, _ query: Variable, _ key: Variable, _ value: Variable)
    {
        precondition(
            key.columns == shape.keyColumns && value.columns == shape.keyColumns && value.rows == key.rows,
            "keys [\(key.rows), \(key.columns)] and values [\(value.rows), \(value.columns)] for "
                + "\(shape.keyColumns) columns")
        var ends = [("query", shape.queries, query.rows)]
        if let paths = shape.paths {
            precondition(
                paths.sequences == shape.sequences && paths.end <= key.rows,
                "\(paths.sequences) paths up to row \(paths.end) for \(shape.sequences) sequences and \(key.rows) key rows"
            )
        } else {
            ends.append(("key", shape.keys, key.rows))
        }
        for (name, ends, rows) in ends {
            precondition(
                ends.count == shape.queries.count && ends.first == 0 && ends.last == rows,
                "\(ends.count) \(name) offsets from \(ends.first ?? 0) to \(ends.last ?? 0), not over \(rows) rows"
            )
        }
    }

    private func attended(
        _ query: Variable, _ key: Variable, _ value: Variable, _ terms: ScoreTerms?, _ shape: AttentionShape,
        _ form: ScoreForm, _ longestKept: Int
    ) -> Variable {
        let out = output(
            rows: query.value.rows, columns: shape.columns,
            needsGradient: query.needsGradient || key.needsGradient || value.needsGradient
                || (terms?.needsGradient ?? false))
        let isKept = out.needsGradient && shape.longestSequence <= longestKept
        let probabilities = pool.matrix(
            rows: 1, columns: isKept ? shape.probabilities : shape.largestBlock)
        shape.forEachBlock { block in
            let p = probabilities.pointer + (isKept ? block.probabilities : 0)
            Self.attend(query.value, key.value, terms, block, shape, form, into: p)
            shape.forEachRun(of: block) { run in
                Product.gemm(
                    false, false, block.queryRows, shape.width, run.rows, 1, p + run.column, block.keyRows,
                    value.value.pointer + run.key, shape.keyColumns, run.column == 0 ? 0 : 1,
                    out.value.pointer + block.query, shape.columns)
            }
        }
        if out.needsGradient {
            query.keepValue()
            key.keepValue()
            value.keepValue()
        }
        let kept = isKept ? probabilities : nil
        record(out) { [unowned self] g in
            backwardAttention(query, key, value, terms, shape, form, kept, g)
        }
        return out
    }

    /// p[queryRows, keyRows] = softmax((q·kᵀ + terms) · scale) of one block, the scaled scores capped where the form says so
    private static func attend(
        _ query: Matrix, _ key: Matrix, _ terms: ScoreTerms?, _ block: AttentionShape.Block,
        _ shape: AttentionShape, _ form: ScoreForm, into p: UnsafeMutablePointer<Float>
    ) {
        products(query, key, block, shape, into: p)
        terms?.add(to: p, block)
        var scale = form.scale
        if let cap = form.softCap {
            avk_soft_cap(p, scale, cap, block.queryRows * block.keyRows)
            scale = 1
        }
        if let window = shape.window {
            avk_softmax_window_rows(p, scale, window, block.queryRows, block.keyRows)
        } else if shape.isCausal {
            avk_softmax_causal_rows(p, scale, block.queryRows, block.keyRows)
        } else {
            avk_softmax_rows(p, scale, block.queryRows, block.keyRows)
        }
    }

    /// out[queryRows, keyRows] = q·kᵀ of one block, or g·vᵀ
    private static func products(
        _ query: Matrix, _ key: Matrix, _ block: AttentionShape.Block, _ shape: AttentionShape,
        into out: UnsafeMutablePointer<Float>
    ) {
        shape.forEachRun(of: block) { run in
            Product.gemm(
                false, true, block.queryRows, run.rows, shape.width, 1, query.pointer + block.query,
                shape.columns, key.pointer + run.key, shape.keyColumns, 0, out + run.column, block.keyRows)
        }
    }

    /// out[T, Ck] = pᵀ·rows + beta · out of one block: p[queryRows, keyRows] its probabilities and rows[Tq, C] the gradient
    /// of the output, or p the gradient of its scores and rows q.
    private static func addTransposed(
        _ p: UnsafePointer<Float>, _ rows: Matrix, _ block: AttentionShape.Block, _ shape: AttentionShape,
        into out: (matrix: Matrix, beta: Float)
    ) {
        shape.forEachRun(of: block) { run in
            Product.gemm(
                true, false, run.rows, shape.width, block.queryRows, 1, p + run.column, block.keyRows,
                rows.pointer + block.query, shape.columns, out.beta, out.matrix.pointer + run.key,
                shape.keyColumns)
        }
    }

    /// From g, the gradient of a block's probabilities p, to that of its scores, in place.
    ///
    /// - Parameter capped: for the scores once more, where they are capped.
    private static func throughSoftmax(
        _ p: UnsafePointer<Float>, _ g: UnsafeMutablePointer<Float>, _ query: Matrix, _ key: Matrix,
        _ block: AttentionShape.Block, _ shape: AttentionShape, _ form: ScoreForm, capped: Matrix?
    ) {
        let (rows, length) = (block.queryRows, block.keyRows)
        let scale = capped == nil ? form.scale : 1
        if let window = shape.window {
            avk_softmax_window_backward_rows(p, g, scale, window, rows, length)
        } else if shape.isCausal {
            avk_softmax_causal_backward_rows(p, g, scale, rows, length)
        } else {
            avk_softmax_backward_rows(p, g, scale, rows, length)
        }
        guard let capped, let cap = form.softCap else { return }
        products(query, key, block, shape, into: capped.pointer)
        avk_soft_cap_backward(capped.pointer, form.scale, cap, g, rows * length)
    }

    private func backwardAttention(
        _ query: Variable, _ key: Variable, _ value: Variable, _ terms: ScoreTerms?,
        _ shape: AttentionShape, _ form: ScoreForm, _ kept: Matrix?, _ g: Matrix
    ) {
        let scratch = pool.matrix(rows: 1, columns: shape.largestBlock)
        let again = kept == nil ? pool.matrix(rows: 1, columns: shape.largestBlock) : nil
        let capped = form.softCap == nil ? nil : pool.matrix(rows: 1, columns: shape.largestBlock)
        // In the order they are written below, so that inputs which are one variable accumulate.
        let dValue = attentionTarget(of: value, shape)
        let dQuery = attentionTarget(of: query, shape)
        let dKey = attentionTarget(of: key, shape)
        let dTerms = terms?.startBackward(pool)
        shape.forEachBlock { block in
            let (rows, length) = (block.queryRows, block.keyRows)
            let p: UnsafeMutablePointer<Float>
            if let kept {
                p = kept.pointer + block.probabilities
            } else if let again {
                p = again.pointer
                Self.attend(query.value, key.value, terms, block, shape, form, into: p)
            } else {
                return
            }
            if let dValue { Self.addTransposed(p, g, block, shape, into: dValue) }  // dV = Pᵀ · g
            if dQuery == nil && dKey == nil && !(terms?.needsGradient ?? false) { return }
            // dP = g · vᵀ, then through the softmax
            Self.products(g, value.value, block, shape, into: scratch.pointer)
            Self.throughSoftmax(
                p, scratch.pointer, query.value, key.value, block, shape, form, capped: capped)
            if let dQuery {
                shape.forEachRun(of: block) { run in
                    Product.gemm(
                        false, false, rows, shape.width, run.rows, 1, scratch.pointer + run.column, length,
                        key.value.pointer + run.key, shape.keyColumns, run.column == 0 ? dQuery.beta : 1,
                        dQuery.matrix.pointer + block.query, shape.columns)
                }
            }
            if let dKey { Self.addTransposed(scratch.pointer, query.value, block, shape, into: dKey) }
            if let terms, let dTerms {
                terms.backward(
                    scratch.pointer, block, query: dQuery?.matrix, key: dKey?.matrix, into: dTerms)
            }
        }
        if let terms, let dTerms { terms.finishBackward(dTerms, on: self) }
    }

    /// The gradient's place and the factor of what is there. Several blocks of causal attention add to the rows of one key,
    /// so that its gradients start at 0.
    private func attentionTarget(of variable: Variable, _ shape: AttentionShape) -> (
        matrix: Matrix, beta: Float
    )? {
        guard let target = gradientTarget(of: variable) else { return nil }
        if !target.accumulate && shape.isCausal { target.matrix.fill(0) }
        return (target.matrix, target.accumulate || shape.isCausal ? 1 : 0)
    }
}
