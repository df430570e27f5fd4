import CVectorKernels
import Matrices
import Testing

/// Products with panels of a matrix that is laid out as it is read, beside plain loops.
@Suite struct PanelProductTests {
    /// Of every number of rows below, at and above the six that go through together; panels that are full and not.
    @Test(arguments: 1...13, [1, 5, 8, 16, 33, 64])
    func addsTheProduct(rows: Int, columns: Int) { compare(rows, columns, adds: true) }

    /// What is there is not read: it may be no number.
    @Test(arguments: 1...13, [1, 5, 8, 16, 33, 64])
    func writesTheProduct(rows: Int, columns: Int) { compare(rows, columns, adds: false) }

    private func compare(_ rows: Int, _ columns: Int, adds: Bool) {
        let width = avk_panel_columns()
        let depth = 37
        let x = normalMatrix(rows, depth + 2, seed: 1)
        let right = normalMatrix(depth, columns, seed: 2)
        let panelCount = (columns + width - 1) / width
        let panels = Matrix(rows: panelCount * (depth + 1), columns: width)
        panels.fill(.nan)
        // In two parts, into panels that are one row deeper.
        avk_into_panels(right.pointer, 20, columns, panels.pointer, depth + 1, 0)
        avk_into_panels(right.row(20), depth - 20, columns, panels.pointer, depth + 1, 20)
        let start = normalMatrix(rows, columns + 3, seed: 3)
        let out = Matrix(copying: start)
        if !adds {
            for row in 0..<rows { for column in 2..<columns + 2 { out.row(row)[column] = .nan } }
        }
        for panel in 0..<panelCount {
            avk_panel_product(
                x.pointer + 1, depth + 2, rows, depth, panels.row(panel * (depth + 1)),
                out.pointer + 2 + panel * width, columns + 3, min(width, columns - panel * width),
                adds ? 1 : 0)
        }
        for row in 0..<rows {
            for column in 0..<columns + 3 {
                let place = row * (columns + 3) + column
                let isProduct = (2..<columns + 2).contains(column)
                var expected = isProduct && !adds ? 0 : Double(start.values[place])
                var size = abs(expected)
                if isProduct {
                    for i in 0..<depth {
                        let term =
                            Double(x.values[row * (depth + 2) + 1 + i])
                            * Double(right.values[i * columns + column - 2])
                        expected += term
                        size += abs(term)
                    }
                }
                // Each of 38 additions rounds a partial sum that is no larger than all terms together.
                #expect(
                    abs(Double(out.values[place]) - expected) <= 38 * roundoff * size, "\(row), \(column)")
            }
        }
    }

    @Test(arguments: [1, 15, 16, 17], [1, 16, 31, 64]) func transposes(rows: Int, columns: Int) {
        let from = normalMatrix(rows, columns + 1, seed: 4)
        let to = Matrix(rows: columns, columns: rows + 2)
        to.fill(7)
        avk_transpose(from.pointer, columns + 1, rows, columns, to.pointer, rows + 2)
        for row in 0..<columns {
            for column in 0..<rows + 2 {
                let expected = column < rows ? from.values[column * (columns + 1) + row] : 7
                #expect(to.values[row * (rows + 2) + column] == expected, "\(row), \(column)")
            }
        }
    }

    @Test func copiesColumns() {
        let from = normalMatrix(5, 9, seed: 5)
        let to = Matrix(rows: 5, columns: 4)
        avk_copy_columns(from.pointer + 2, 9, 5, 4, to.pointer)
        for row in 0..<5 {
            let expected = from.values[row * 9 + 2..<row * 9 + 6]
            #expect(to.values[row * 4..<row * 4 + 4].elementsEqual(expected))
        }
    }
}
