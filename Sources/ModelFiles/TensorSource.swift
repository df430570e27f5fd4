import Glibc

/// A container of named tensors, such as the safetensors files of a model.
///
/// Whoever opens one checks all that its header says.
package protocol TensorSource: AnyObject, Sendable {
    /// The file or folder that was opened
    var path: String { get }
    /// Sorted by their UTF-8 bytes
    var names: [String] { get }

    /// nil when there is none of this name.
    func tensor(_ name: String) -> StoredTensor?

    /// Copies a tensor of floating-point numbers as Float32.
    ///
    /// `destination` has as many elements as the tensor. Throws when there is no such tensor, for other elements, and for
    /// a finite number beyond the range of Float32.
    func copyFloat32(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws
}

/// A tensor where its file is mapped.
package struct StoredTensor: Sendable {
    package let name: String
    /// What its bytes are, by the name that the container has for it: `F32`, `BF16` …
    package let format: String
    /// Sizes of the dimensions, slowest first; empty for a scalar
    package let shape: [Int]
    private let file: FileMapping
    private let range: Range<Int>

    init(name: String, format: String, shape: [Int], file: FileMapping, range: Range<Int>) {
        self.name = name
        self.format = format
        self.shape = shape
        self.file = file
        self.range = range
    }

    /// Little-endian, last dimension fastest; not always aligned. Never written to, and there as long as `owner` is.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.bytes[range]) }

    package var owner: AnyObject { file }

    /// The same under another name.
    package func renamed(_ name: String) -> StoredTensor {
        StoredTensor(name: name, format: format, shape: shape, file: file, range: range)
    }

    /// The same bytes where they mean something else than the container says.
    package func described(format: String, shape: [Int]) -> StoredTensor {
        StoredTensor(name: name, format: format, shape: shape, file: file, range: range)
    }

    /// The `index`-th of `count` equal parts of the first dimension; nil where it has none, or its format has blocks that go
    /// over their borders.
    package func part(_ index: Int, of count: Int) -> StoredTensor? {
        guard let rows = shape.first, rows > 0, rows % count == 0, range.count % rows == 0 else { return nil }
        let bytes = range.count / count
        let start = range.lowerBound + index * bytes
        return StoredTensor(
            name: name, format: format, shape: [rows / count] + shape.dropFirst(), file: file,
            range: start..<start + bytes)
    }

    /// Whether shape, format and bytes are the same, whatever the names.
    package func isSame(as other: StoredTensor) -> Bool {
        guard format == other.format, shape == other.shape, bytes.count == other.bytes.count,
            let own = bytes.baseAddress, let others = other.bytes.baseAddress
        else { return false }
        return memcmp(own, others, bytes.count) == 0
    }

    /// Gives the memory of whole pages back to the system, for values that nobody will read soon; they come back from the
    /// file when they are read after all.
    package func releasePages() { file.releasePages(of: range) }
}
