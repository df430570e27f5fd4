/// Matrices of elements of a few bytes, rows for columns.
enum TransposedBytes {
    /// Rows and columns of a tile: both sides of the copy stay in the cache.
    private static let tile = 32

    /// out[columns, rows] of elements of 2 or 4 bytes in source[rows, columns]; nil for others.
    static func of(_ source: UnsafeRawBufferPointer, rows: Int, columns: Int, elementBytes: Int) -> [UInt8]? {
        precondition(source.count == rows * columns * elementBytes, "\(source.count) bytes")
        switch elementBytes {
        case 2: return copy(source, rows, columns, as: UInt16.self)
        case 4: return copy(source, rows, columns, as: UInt32.self)
        default: return nil
        }
    }

    private static func copy<Element: BitwiseCopyable>(
        _ source: UnsafeRawBufferPointer, _ rows: Int, _ columns: Int, as element: Element.Type
    ) -> [UInt8] {
        let size = MemoryLayout<Element>.size
        return [UInt8](unsafeUninitializedCapacity: source.count) { buffer, filled in
            let target = UnsafeMutableRawBufferPointer(buffer)
            for firstRow in stride(from: 0, to: rows, by: tile) {
                for firstColumn in stride(from: 0, to: columns, by: tile) {
                    for column in firstColumn..<min(firstColumn + tile, columns) {
                        for row in firstRow..<min(firstRow + tile, rows) {
                            let value = source.loadUnaligned(
                                fromByteOffset: (row * columns + column) * size, as: element)
                            target.storeBytes(
                                of: value, toByteOffset: (column * rows + row) * size, as: element)
                        }
                    }
                }
            }
            filled = source.count
        }
    }
}
