import CVectorKernels
import Synchronization

/// A frozen matrix whose products run in bf16: both factors are rounded to it (8 bits of mantissa, to nearest even), products of
/// two such numbers are exact in Float32, and sums are Float32. Values, and rows that are read, stay as the format has them.
///
/// The panels of a Float32 matrix are laid out once and stay, half as large as those of Float32; other formats, and what is read
/// in passing, are unpacked at each product. Each element is one sum over the shared dimension in its order, whatever rows stand
/// beside it, with the same
/// bits whether the CPU has an instruction for it or not.
package final class BFloat16Products: FrozenMatrix {
    private let values: any FrozenMatrix
    private let keptTransposed: KeptPanels?
    private let keptPlain: KeptPanels?

    /// Whether this CPU is faster with such products; elsewhere a plain loop computes the same.
    package static let isFast = avk_has_bfloat16() != 0

    package init(_ matrix: any FrozenMatrix) {
        let own = (matrix as? Float32Weight).map(Float32Weight.init(sharing:))
        values = own ?? matrix
        let isKept = own.map { !$0.isReadInPassing } ?? false
        (keptTransposed, keptPlain) = isKept ? (KeptPanels(), KeptPanels()) : (nil, nil)
    }

    package func readInPassing() -> any FrozenMatrix { BFloat16Products(values.readInPassing()) }

    package var rows: Int { values.rows }
    package var columns: Int { values.columns }
    package var format: String { values.format }

    package func unpack(_ rows: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        values.unpack(rows, into: out)
    }

    package func gather(_ indices: [Int32], into out: Matrix, adding: Bool, pool: BufferPool) {
        values.gather(indices, into: out, adding: adding, pool: pool)
    }

    package func forEachTile(_ body: (Int, UnsafeBufferPointer<Float>) -> Void) { values.forEachTile(body) }

    package func releasePages() -> Int { values.releasePages() }

    package func productMemory(isBackward: Bool) -> ProductMemory {
        guard let own = values as? Float32Weight, !own.isReadInPassing else { return .none }
        let panels =
            PairPanels.bytes(rows: columns, columns: rows)
            + (isBackward ? PairPanels.bytes(rows: rows, columns: columns) : 0)
        return ProductMemory(
            bytes: panels - (own.isMapped ? rows * columns * MemoryLayout<Float>.size : 0))
    }

    // MARK: - Products

    package func multiplyTransposed(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        guard let panels = transposedPanels() else {
            return addTransposed(x, 0..<rows, into: out, adding: adding, pool)
        }
        panels.multiply(x, into: out, adding: adding, pool: pool)
    }

    package func layOut() { _ = transposedPanels() }

    /// nil where W stays packed.
    private func transposedPanels() -> PairPanels? {
        keptTransposed?.panels {
            let panels = PairPanels(transposing: values)
            values.releasePages()
            return panels
        }
    }

    package func multiplyTransposedByRow(_ x: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        multiplyTransposed(x, into: out, adding: adding, pool: pool)
    }

    package func multiply(_ g: Matrix, into out: Matrix, adding: Bool, pool: BufferPool) {
        let panels: PairPanels
        if let keptPlain {
            panels = keptPlain.panels {
                let panels = PairPanels(values)
                values.releasePages()
                return panels
            }
        } else if values is Float32Weight {
            // The order of sums is that of kept ones.
            let space = PairPanels.space(rows: rows, columns: columns, pool)
            if pool.isOnlyMeasured { return }
            panels = PairPanels(values, in: space)
        } else {
            return multiply(g, rows: 0..<rows, into: out, adding: adding, pool: pool)
        }
        panels.multiply(g, into: out, adding: adding, pool: pool)
    }

    package func multiplyTransposed(_ x: Matrix, rows: Range<Int>, into out: Matrix, pool: BufferPool) {
        addTransposed(x, rows, into: out, adding: false, pool)
    }

    /// out[T, N] = x[T, I] · W[part]ᵀ, one panel of outputs after the other.
    private func addTransposed(
        _ x: Matrix, _ part: Range<Int>, into out: Matrix, adding: Bool, _ pool: BufferPool
    ) {
        precondition(
            x.columns == columns && out.rows == x.rows && out.columns == part.count,
            "[\(x.rows), \(x.columns)] · [\(part.count), \(columns)]ᵀ into [\(out.rows), \(out.columns)]")
        let (width, pairs) = (PairPanels.width, PairPanels.pairs(columns))
        let panel = pool.matrix(rows: pairs, columns: width)
        let unpacking = PairRows(values, pool: pool)
        let left = pool.matrix(rows: x.rows, columns: pairs)
        if pool.isOnlyMeasured { return }
        avk_to_bfloat16_pairs(x.pointer, columns, x.rows, columns, left.pointer, pairs)
        let blocks = PairPanels.blocks(of: pairs)
        for start in stride(from: 0, to: part.count, by: width) {
            let count = min(width, part.count - start)
            let first = part.lowerBound + start
            unpacking.fill(first..<first + count, into: panel.pointer)
            for block in blocks {
                avk_pair_product(
                    left.pointer + block.lowerBound, pairs, x.rows, block.count, panel.row(block.lowerBound),
                    out.pointer + start, part.count, count, adding || block.lowerBound > 0 ? 1 : 0)
            }
        }
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
        let (width, step) = (PairPanels.width, PairPanels.unpackedRows)
        let depth = min(part.count, max(step, Self.panelWeights / columns / 2 * 2))
        let pairs = PairPanels.pairs(depth)
        let panelCount = (columns + width - 1) / width
        let panels = pool.matrix(rows: panelCount * pairs, columns: width)
        let unpacked = pool.matrix(rows: step, columns: columns)
        let left = pool.matrix(rows: g.rows, columns: pairs)
        if pool.isOnlyMeasured { return }
        for start in stride(from: 0, to: part.count, by: depth) {
            let count = min(depth, part.count - start)
            for row in stride(from: 0, to: count, by: step) {
                let some = min(step, count - row)
                let first = part.lowerBound + start + row
                values.unpack(first..<first + some, into: unpacked.pointer)
                avk_into_pair_panels(unpacked.pointer, some, columns, panels.pointer, pairs, row / 2)
            }
            avk_to_bfloat16_pairs(g.pointer + start, g.columns, g.rows, count, left.pointer, pairs)
            for panel in 0..<panelCount {
                avk_pair_product(
                    left.pointer, pairs, g.rows, PairPanels.pairs(count), panels.row(panel * pairs),
                    out.pointer + panel * width, columns, min(width, columns - panel * width),
                    adding || start > 0 ? 1 : 0)
            }
        }
    }

    /// Weights in all panels of a block of rows, more or less: a megabyte.
    private static let panelWeights = 1 << 19
}

/// Panels that are made when they are first asked for.
private final class KeptPanels: Sendable {
    private let made = Mutex<PairPanels?>(nil)

    func panels(orMake make: () -> PairPanels) -> PairPanels {
        made.withLock { made in
            if let made { return made }
            let panels = make()
            made = panels
            return panels
        }
    }
}
