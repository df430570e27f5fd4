import ModelFiles
import Testing

/// Texts that gzip packed elsewhere are in the tests of data files.
@Suite struct GzipTests {
    /// Sizes on both sides of the pieces that are fed and taken, of bytes that pack well and of such that do not.
    @Test(arguments: [0, 1, 1 << 16, 1 << 16 + 1, 1 << 20, 3 << 20 + 7])
    func packsAndUnpacks(count: Int) throws {
        var state: UInt64 = 9
        let noise = (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        for bytes in [noise, [UInt8](repeating: 7, count: count)] {
            let packed = Gzip.packed(bytes)
            #expect(packed.starts(with: Gzip.magic) && packed == Gzip.packed(bytes))
            #expect(try Gzip.unpacked(packed, limit: count) == bytes)
        }
        #expect(Gzip.packed([UInt8](repeating: 7, count: count)).count < 64 + count / 500)
    }

    @Test func refusesTooMuch() {
        // A piece of 64 KB is unpacked before its size is looked at.
        let packed = Gzip.packed([UInt8](repeating: 7, count: 1 << 20))
        #expect(throws: GzipError.self) { try Gzip.unpacked(packed, limit: 1 << 16) }
        #expect(throws: GzipError.self) { try Gzip.unpacked(Array(packed.dropLast()), limit: 1 << 20) }
        #expect(throws: GzipError.self) { try Gzip.unpacked([], limit: 1 << 20) }
    }
}
