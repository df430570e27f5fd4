import Autodiff

/// Positions that were learned for a square of patches, as another number of them side by side sees them: PyTorch's bicubic
/// interpolation (`align_corners=False`), plain or with its antialiasing.
struct PositionGrid {
    enum Kernel: Sendable, Equatable {
        /// Four neighbours each way, of Keys' cubic with a = −0.75
        case plain
        /// a = −0.5, as wide as what a patch covers
        case antialiased
    }

    private let learned: ImageSize
    private let rows: [[(place: Int, factor: Double)]]
    private let columns: [[(place: Int, factor: Double)]]

    init(_ learned: ImageSize, for grid: ImageSize, _ kernel: Kernel) {
        self.learned = learned
        rows = Self.taps(from: learned.height, to: grid.height, kernel)
        columns = Self.taps(from: learned.width, to: grid.width, kernel)
    }

    /// For each patch, row after row, which learned ones make its position.
    ///
    /// - Parameter first: the row of the first learned patch.
    func sums(first: Int) -> [RowSum] {
        rows.flatMap { down in
            columns.map { across in
                RowSum(
                    down.flatMap { line in
                        across.map { column in
                            (
                                row: first + line.place * learned.width + column.place,
                                factor: Float(line.factor * column.factor)
                            )
                        }
                    })
            }
        }
    }

    private static func taps(from count: Int, to target: Int, _ kernel: Kernel) -> [[(
        place: Int, factor: Double
    )]] {
        let scale = Double(count) / Double(target)
        return (0..<target).map { place in
            switch kernel {
            case .plain: plain((Double(place) + 0.5) * scale - 0.5, count)
            case .antialiased: antialiased((Double(place) + 0.5) * scale, count, scale: max(scale, 1))
            }
        }
    }

    /// Beyond the border stands what is at it.
    private static func plain(_ center: Double, _ count: Int) -> [(place: Int, factor: Double)] {
        let first = Int(center.rounded(.down))
        return (first - 1...first + 2).map { place in
            (min(max(place, 0), count - 1), cubic(Double(place) - center, a: -0.75))
        }
    }

    /// As Pillow resizes: what lies beyond the border counts for nothing, and factors add up to 1.
    private static func antialiased(_ center: Double, _ count: Int, scale: Double) -> [(
        place: Int, factor: Double
    )] {
        let support = 2 * scale
        let first = max(Int(center - support + 0.5), 0)
        let end = min(Int(center + support + 0.5), count)
        let factors = (first..<end).map { cubic((Double($0) - center + 0.5) / scale, a: -0.5) }
        let total = factors.reduce(0, +)
        return zip(first..<end, factors).map { ($0, $1 / total) }
    }

    /// Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing"
    private static func cubic(_ distance: Double, a: Double) -> Double {
        let x = abs(distance)
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
    }
}
