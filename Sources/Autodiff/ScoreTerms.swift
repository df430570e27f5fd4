import CVectorKernels
import Matrices

/// `RelativePositions` at work: adds their terms to the scores of one head of one sequence, and takes the gradient of
/// these scores back.
final class ScoreTerms {
    /// Terms of the scores, q·kᵀ included, which share the scale.
    let count: Int
    let needsGradient: Bool
    private let products: [PositionProduct]
    private let bias: PositionBias?
    private let scratch: Matrix?
    private let shape: AttentionShape

    init(
        _ positions: RelativePositions, query: Variable, key: Variable, shape: AttentionShape,
        pool: BufferPool
    ) {
        self.shape = shape
        var products: [PositionProduct] = []
        var bias: PositionBias?
        switch positions {
        case .disentangled(let positionKey, let positionQuery, let rows):
            Self.check(rows, shape)
            if let positionKey {
                products.append(PositionProduct(.query, query, positionKey, rows, pool))
            }
            if let positionQuery {
                products.append(PositionProduct(.key, key, positionQuery, rows, pool))
            }
        case .bias(let values, let rows):
            Self.check(rows, shape)
            precondition(
                values.value.columns == shape.heads,
                "bias of \(values.value.columns) heads for \(shape.heads)")
            bias = PositionBias(values, rows, scale: 1 / Float(shape.width).squareRoot(), pool)
        }
        self.products = products
        self.bias = bias
        count = 1 + products.count
        needsGradient = (products.map(\.position) + (bias.map { [$0.values] } ?? [])).contains {
            $0.needsGradient
        }
        let widest = max(shape.longestSequence, shape.mostQueries) + PositionProduct.tile - 1
        scratch = products.isEmpty ? nil : pool.matrix(rows: PositionProduct.tile, columns: widest)
    }

    private static func check(_ rows: RelativeRows, _ shape: AttentionShape) {
        precondition(
            rows.farthest >= shape.mostQueries - 1
                && rows.entries.count - rows.farthest >= shape.longestSequence,
            "relative positions of \(rows.entries.count) distances from \(rows.farthest) for \(shape.mostQueries) "
                + "query and \(shape.longestSequence) key rows")
    }

    /// scores[Lq, L] += the terms
    func add(to scores: UnsafeMutablePointer<Float>, _ block: AttentionShape.Block) {
        if let scratch {
            for product in products { product.add(to: scores, block, shape, scratch.pointer) }
        }
        bias?.add(to: scores, block)
    }

    /// Gradients of the tables' rows, one row for each slot, while a backward pass goes through the blocks.
    struct Gradients {
        fileprivate let products: [Matrix?]
        fileprivate let bias: Matrix?
    }

    func startBackward(_ pool: BufferPool) -> Gradients {
        Gradients(
            products: products.map { product in
                product.position.needsGradient
                    ? pool.matrix(rows: product.slots.rows, columns: product.slots.columns, zeroed: true)
                    : nil
            },
            bias: bias.flatMap { bias in
                bias.values.needsGradient
                    ? pool.matrix(rows: bias.slots.rows, columns: bias.slots.columns, zeroed: true) : nil
            })
    }

    /// From g[Lq, L], the gradient of the scores, to those of queries and keys (added) and of the tables' rows.
    func backward(
        _ g: UnsafePointer<Float>, _ block: AttentionShape.Block, query: Matrix?, key: Matrix?,
        into gradients: Gradients
    ) {
        if let scratch {
            for (product, slots) in zip(products, gradients.products) {
                let content = product.side == .query ? query : key
                if slots == nil && content == nil { continue }
                product.backward(g, block, shape, content: content, slots: slots, scratch.pointer)
            }
        }
        if let bias, let slots = gradients.bias { bias.backward(g, block, slots: slots) }
    }

    func finishBackward(_ gradients: Gradients, on tape: Tape) {
        for (product, slots) in zip(products, gradients.products) {
            guard let slots, let target = tape.gradientTarget(of: product.position) else { continue }
            if !target.accumulate { target.matrix.fill(0) }
            for (slot, entry) in product.entries.enumerated() {
                avk_add(slots.row(slot), target.matrix.row(entry), slots.columns)
            }
        }
        guard let bias, let slots = gradients.bias, let target = tape.gradientTarget(of: bias.values) else {
            return
        }
        if !target.accumulate { target.matrix.fill(0) }
        for head in 0..<slots.rows {
            for (slot, entry) in bias.entries.enumerated() {
                target.matrix.row(entry)[head] += slots.row(head)[slot] / bias.scale
            }
        }
    }
}

/// One term of disentangled attention, content · positionᵀ, with the content of queries or of keys.
///
/// The product is that of a few content rows at a time with the slots they meet, `[rows, L + rows − 1]`, whose diagonals
/// are the scores: all rows at once would be twice the work.
private struct PositionProduct {
    enum Side { case query, key }

    /// Content rows at a time: their scores fit the cache, and OpenBLAS reads operands of such products in place.
    static let tile = 32

    let side: Side
    /// q[Tq, C] or k[T, C]
    let content: Variable
    /// `[E, C]`
    let position: Variable
    /// `[slots, C]`: `position` by slot
    let slots: Matrix
    let entries: [Int]
    let farthest: Int

    init(_ side: Side, _ content: Variable, _ position: Variable, _ rows: RelativeRows, _ pool: BufferPool) {
        let columns = content.value.columns
        precondition(
            position.value.rows == rows.tableRows.count && position.value.columns == columns,
            "positions [\(position.value.rows), \(position.value.columns)] for \(rows.tableRows.count) rows of \(columns)"
        )
        self.side = side
        self.content = content
        self.position = position
        entries = rows.entries
        farthest = rows.farthest
        if entries.count == position.value.rows {
            slots = position.keepValue()
        } else {
            slots = pool.matrix(rows: entries.count, columns: columns)
            for (slot, entry) in entries.enumerated() {
                slots.row(slot).update(from: position.value.row(entry), count: columns)
            }
        }
    }

    /// Content rows `start` ..< `start + rows` of a block, which meet the slots `first` ..< `first + slots`.
    private struct Tile {
        let start: Int
        let rows: Int
        let first: Int
        let slots: Int
    }

    private func forEachTile(_ block: AttentionShape.Block, _ body: (Tile) -> Void) {
        let (contentRows, otherRows) =
            side == .query ? (block.queryRows, block.keyRows) : (block.keyRows, block.queryRows)
        for start in stride(from: 0, to: contentRows, by: Self.tile) {
            let rows = min(Self.tile, contentRows - start)
            let first =
                side == .query ? farthest - (start + rows - 1) : farthest - (block.queryRows - 1) + start
            body(Tile(start: start, rows: rows, first: first, slots: otherRows + rows - 1))
        }
    }

    private func contentStart(_ block: AttentionShape.Block) -> Int {
        side == .query ? block.query : block.key
    }

    func add(
        to scores: UnsafeMutablePointer<Float>, _ block: AttentionShape.Block, _ shape: AttentionShape,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        let columns = shape.columns
        forEachTile(block) { tile in
            Product.gemm(
                false, true, tile.rows, tile.slots, shape.width, 1,
                content.value.pointer + contentStart(block) + tile.start * columns, columns,
                slots.row(tile.first) + block.head * shape.width, columns, 0, scratch, tile.slots)
            switch side {
            case .query:
                for row in 0..<tile.rows {
                    avk_add(
                        scratch + row * tile.slots + tile.rows - 1 - row,
                        scores + (tile.start + row) * block.keyRows, block.keyRows)
                }
            case .key:
                avk_add_diagonals(
                    scratch, tile.slots, scores + tile.start, block.keyRows, block.queryRows, tile.rows)
            }
        }
    }

    func backward(
        _ g: UnsafePointer<Float>, _ block: AttentionShape.Block, _ shape: AttentionShape,
        content contentGradient: Matrix?, slots slotGradient: Matrix?,
        _ scratch: UnsafeMutablePointer<Float>
    ) {
        let columns = shape.columns
        forEachTile(block) { tile in
            switch side {
            case .query:
                scratch.update(repeating: 0, count: tile.rows * tile.slots)
                for row in 0..<tile.rows {
                    (scratch + row * tile.slots + tile.rows - 1 - row).update(
                        from: g + (tile.start + row) * block.keyRows, count: block.keyRows)
                }
            case .key:
                avk_take_diagonals(
                    g + tile.start, block.keyRows, scratch, tile.slots, block.queryRows, tile.rows)
            }
            let contentRows = contentStart(block) + tile.start * columns
            let slotColumns = block.head * shape.width
            if let contentGradient {
                Product.gemm(
                    false, false, tile.rows, shape.width, tile.slots, 1, scratch, tile.slots,
                    slots.row(tile.first) + slotColumns, columns, 1, contentGradient.pointer + contentRows,
                    columns)
            }
            if let slotGradient {
                Product.gemm(
                    true, false, tile.slots, shape.width, tile.rows, 1, scratch, tile.slots,
                    content.value.pointer + contentRows, columns, 1,
                    slotGradient.row(tile.first) + slotColumns, columns)
            }
        }
    }
}

/// A bias of the scores by distance and head.
private struct PositionBias {
    /// `[E, heads]`
    let values: Variable
    /// `[heads, slots]`, divided by the scale that the scores are multiplied with afterwards
    let slots: Matrix
    let entries: [Int]
    let farthest: Int
    let scale: Float

    init(_ values: Variable, _ rows: RelativeRows, scale: Float, _ pool: BufferPool) {
        precondition(
            values.value.rows == rows.tableRows.count,
            "bias of \(values.value.rows) rows for \(rows.tableRows.count)")
        self.values = values
        self.scale = scale
        entries = rows.entries
        farthest = rows.farthest
        slots = pool.matrix(rows: values.value.columns, columns: entries.count)
        for head in 0..<slots.rows {
            for (slot, entry) in entries.enumerated() {
                slots.row(head)[slot] = values.value.row(entry)[head] / scale
            }
        }
    }

    func add(to scores: UnsafeMutablePointer<Float>, _ block: AttentionShape.Block) {
        for row in 0..<block.queryRows {
            avk_add(
                slots.row(block.head) + farthest - row, scores + row * block.keyRows, block.keyRows)
        }
    }

    func backward(_ g: UnsafePointer<Float>, _ block: AttentionShape.Block, slots gradient: Matrix) {
        for row in 0..<block.queryRows {
            avk_add(g + row * block.keyRows, gradient.row(block.head) + farthest - row, block.keyRows)
        }
    }
}
