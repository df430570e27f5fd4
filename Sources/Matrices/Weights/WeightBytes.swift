/// The bytes of a weight as its format has them, which nobody writes to: part of a mapped file, or a copy.
///
/// Unchecked Sendable because of the pointer: the owner keeps the memory alive.
package struct WeightBytes: @unchecked Sendable {
    package let raw: UnsafeRawBufferPointer
    package let owner: AnyObject
    private let release: (@Sendable () -> Void)?

    /// - Parameters:
    ///   - raw: little-endian, row after row; need not be aligned.
    ///   - owner: keeps them in memory.
    ///   - release: gives their pages back, which come from a file again when they are read; nil where they cannot.
    package init(
        _ raw: UnsafeRawBufferPointer, of owner: AnyObject, release: (@Sendable () -> Void)? = nil
    ) {
        self.raw = raw
        self.owner = owner
        self.release = release
    }

    /// A copy of these bytes.
    package init(copying bytes: [UInt8]) {
        let copy = Copy(bytes)
        self.init(UnsafeRawBufferPointer(copy.bytes), of: copy)
    }

    package var count: Int { raw.count }

    /// Whether pages that were released come back from a file.
    package var isReleasable: Bool { release != nil }

    /// - Returns: how many bytes come back from a file when they are read again.
    @discardableResult
    package func releasePages() -> Int {
        guard let release else { return 0 }
        release()
        return raw.count
    }

    private final class Copy {
        let bytes: UnsafeMutableRawBufferPointer

        init(_ values: [UInt8]) {
            bytes = .allocate(byteCount: values.count, alignment: 64)
            bytes.copyBytes(from: values)
        }

        deinit { bytes.deallocate() }
    }
}
