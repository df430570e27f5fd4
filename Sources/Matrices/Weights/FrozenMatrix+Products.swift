import CVectorKernels

/// Products of a format that has only `unpack`: some rows are unpacked, laid out in the panels that
/// `avk_panel_product` reads, and dropped after all rows of the left factor went through.
///
/// Each element is one sum over the shared dimension in its order, whatever rows stand beside it.
extension FrozenMatrix {
    package func multiplyTransposed(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        multiplyTransposed(
            x, 0..<rows, into: out, adding: adding, pool, inPanels: x.rows >= Panel.fewRows)
    }

    package func multiplyTransposedByRow(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        multiplyTransposedInPanels(x, into: out, adding: adding, pool: pool)
    }

    /// Bits of each row depend on its row of x alone.
    package func multiplyTransposedInPanels(
        _ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool
    ) {
        multiplyTransposed(x, 0..<rows, into: out, adding: adding, pool, inPanels: true)
    }

    package func multiplyTransposed(_ x: Matrix, rows: Range<Int>, into out: Matrix, pool: BufferPool) {
        multiplyTransposed(x, rows, into: out, adding: false, pool, inPanels: x.rows >= Panel.fewRows)
    }

    package func multiply(_ g: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        multiply(g, rows: 0..<rows, into: out, adding: adding, pool: pool)
    }

    /// out[T, I] = Σ over blocks of rows g[T, block] · W[block, I]
    package func multiply(
        _ g: Matrix, rows part: Range<Int>, into out: Matrix, adding: Bool, pool: BufferPool
    ) {
        precondition(
            g.columns == part.count && out.rows == g.rows && out.columns == columns,
            "[\(g.rows), \(g.columns)] · [\(part.count), \(columns)] into [\(out.rows), \(out.columns)]")
        if part.isEmpty || columns == 0 {
            if !adding { out.fill(0) }
            return
        }
        let width = Panel.width
        let depth = min(part.count, max(Panel.rows, Panel.elements / columns))
        let panelCount = (columns + width - 1) / width
        let panels = pool.matrix(rows: panelCount * depth, columns: width)
        let unpacked = pool.matrix(rows: Panel.rows, columns: columns)
        let left = depth == part.count ? g : pool.matrix(rows: g.rows, columns: depth)
        if pool.isOnlyMeasured { return }
        for start in stride(from: 0, to: part.count, by: depth) {
            let count = min(depth, part.count - start)
            for row in stride(from: 0, to: count, by: Panel.rows) {
                let some = min(Panel.rows, count - row)
                let first = part.lowerBound + start + row
                unpack(first..<first + some, into: unpacked.pointer)
                avk_into_panels(unpacked.pointer, some, columns, panels.pointer, depth, row)
            }
            if depth < part.count {
                avk_copy_columns(g.pointer + start, g.columns, g.rows, count, left.pointer)
            }
            for panel in 0..<panelCount {
                avk_panel_product(
                    left.pointer, count, g.rows, count, panels.row(panel * depth),
                    out.pointer + panel * width, columns, min(width, columns - panel * width),
                    adding || start > 0 ? 1 : 0)
            }
        }
    }

    /// out[T, N] = x[T, I] · W[part]ᵀ, one panel of outputs after the other. What it asks of the pool is the same for any T.
    ///
    /// - Parameter isWide: whether W is laid out in panels, which a few rows alone gain nothing by.
    private func multiplyTransposed(
        _ x: Matrix, _ part: Range<Int>, into out: Matrix, adding: Bool, _ pool: BufferPool,
        inPanels isWide: Bool
    ) {
        precondition(
            x.columns == columns && out.rows == x.rows && out.columns == part.count,
            "[\(x.rows), \(x.columns)] · [\(part.count), \(columns)]ᵀ into [\(out.rows), \(out.columns)]")
        if columns == 0 && !adding { out.fill(0) }
        let width = Panel.width
        let panel = pool.matrix(rows: columns, columns: width)
        let unpacked = pool.matrix(rows: Panel.rows, columns: columns)
        let blocks = Panel.blocks(of: columns)
        let left = blocks.count == 1 ? x : pool.matrix(rows: x.rows, columns: columns)
        if pool.isOnlyMeasured { return }
        if blocks.count > 1 && isWide {
            for block in blocks {
                avk_copy_columns(
                    x.pointer + block.lowerBound, columns, x.rows, block.count,
                    left.pointer + block.lowerBound * x.rows)
            }
        }
        for start in stride(from: 0, to: part.count, by: width) {
            let count = min(width, part.count - start)
            for row in stride(from: 0, to: count, by: Panel.rows) {
                let some = min(Panel.rows, count - row)
                let first = part.lowerBound + start + row
                unpack(first..<first + some, into: unpacked.pointer)
                if isWide {
                    avk_transpose(unpacked.pointer, columns, some, columns, panel.pointer + row, width)
                } else {
                    Product.gemm(
                        false, true, x.rows, some, columns, 1, x.pointer, columns, unpacked.pointer, columns,
                        adding ? 1 : 0, out.pointer + start + row, part.count)
                }
            }
            for block in blocks where isWide {
                avk_panel_product(
                    left.pointer + block.lowerBound * x.rows, block.count, x.rows, block.count,
                    panel.row(block.lowerBound), out.pointer + start, part.count, count,
                    adding || block.lowerBound > 0 ? 1 : 0)
            }
        }
    }
}

private enum Panel {
    /// Columns of a right factor that are laid out together
    static let width = avk_panel_columns()
    /// Rows of x for which laying out W gains more than it costs; text that is written token by token has one.
    static let fewRows = 6
    /// Rows of W that are unpacked at a time, and transposed fast
    static let rows = 16
    /// Rows of a panel that all rows of the left factor read before the next ones, at most: they stay in the second cache.
    private static let depth = 768
    /// Floats of all panels of a block of rows, more or less
    static let elements = 1 << 19

    /// The shared dimension in parts of about the same size.
    static func blocks(of count: Int) -> [Range<Int>] {
        let parts = (count + depth - 1) / depth
        return (0..<parts).map { count * $0 / parts..<count * ($0 + 1) / parts }
    }
}
