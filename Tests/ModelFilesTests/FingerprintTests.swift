import Foundation
import ModelFiles
import Testing

@Suite struct FingerprintTests {
    private static func text(_ parts: [[UInt8]]) -> String {
        var print = Fingerprint()
        for part in parts { part.withUnsafeBytes { print.addPart($0) } }
        print.endParts(byteCount: parts.reduce(0) { $0 + $1.count })
        return print.text
    }

    private static let bytes = (0..<37).map { UInt8($0 * 7 % 256) }

    /// Tiles of a weight, a file and its bytes have one fingerprint.
    @Test(arguments: [8, 16, 32]) func partsOfWholeWordsAreTheWhole(length: Int) throws {
        var whole = Fingerprint()
        Self.bytes.withUnsafeBytes { whole.add($0) }
        #expect(Self.text([Array(Self.bytes[..<length]), Array(Self.bytes[length...])]) == whole.text)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("print-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(Self.bytes).write(to: file)
        #expect(try Fingerprint.of(file: file) == whole.text)
    }

    @Test func everyBitAndTheLengthCount() {
        var seen: Set<String> = [Self.text([Self.bytes])]
        for place in Self.bytes.indices {
            for bit in 0..<8 {
                var other = Self.bytes
                other[place] ^= 1 << bit
                #expect(seen.insert(Self.text([other])).inserted, "bit \(bit) of byte \(place)")
            }
        }
        #expect(seen.insert(Self.text([Self.bytes + [0]])).inserted)
    }
}
