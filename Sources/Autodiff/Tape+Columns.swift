import CVectorKernels
import Matrices

/// Blocks of columns that lie side by side in a product of several matrices at once: query, key and value of a fused
/// projection.
package struct ColumnBlocks: Sendable, Equatable {
    /// The first block's first column
    package let start: Int
    /// From one block to the next
    package let stride: Int
    package let count: Int
    /// Columns of a block
    package let width: Int

    package init(start: Int, stride: Int, count: Int, width: Int) {
        precondition(
            start >= 0 && count > 0 && width > 0 && stride >= width,
            "\(count) blocks of \(width) columns, one every \(stride) from \(start)")
        self.start = start
        self.stride = stride
        self.count = count
        self.width = width
    }

    /// One block
    package init(_ columns: Range<Int>) {
        self.init(start: columns.lowerBound, stride: columns.count, count: 1, width: columns.count)
    }

    var end: Int { start + (count - 1) * stride + width }
}

extension Tape {
    /// out[T, count · width] = factor · the blocks' columns of x[T, C], in their order. A copy: attention reads rows that lie
    /// close, and it is small beside the product that made x.
    package func columns(_ x: Variable, _ blocks: ColumnBlocks, factor: Float = 1) -> Variable {
        let (rows, width) = (x.rows, blocks.width)
        precondition(blocks.end <= x.columns, "columns up to \(blocks.end) of \(x.columns)")
        let out = output(rows: rows, columns: blocks.count * width, needsGradient: x.needsGradient)
        let (input, result) = (x.value, out.value)
        for row in 0..<rows {
            for block in 0..<blocks.count {
                let source = input.row(row) + blocks.start + block * blocks.stride
                let target = result.row(row) + block * width
                target.update(from: source, count: width)
                if factor != 1 { for column in 0..<width { target[column] *= factor } }
            }
        }
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            if !target.accumulate { target.matrix.fill(0) }
            for row in 0..<rows {
                for block in 0..<blocks.count {
                    let source = g.row(row) + block * width
                    let sum = target.matrix.row(row) + blocks.start + block * blocks.stride
                    if factor == 1 {
                        avk_add(source, sum, width)
                    } else {
                        for column in 0..<width { sum[column] += factor * source[column] }
                    }
                }
            }
        }
        return out
    }
}
