import ModelFiles
import Testing

@Suite struct FingerprintTests {
    private static func text(_ parts: [[UInt8]], _ form: Fingerprint.Form) -> String {
        let print = Fingerprint(form)
        for part in parts { part.withUnsafeBytes { print.addPart($0) } }
        print.end(count: parts.reduce(0) { $0 + $1.count })
        return print.text()
    }

    private static let bytes = (0..<37).map { UInt8($0 * 7 % 256) }

    /// Tiles of a weight and its bytes have one fingerprint.
    @Test(arguments: [8, 16, 32], [Fingerprint.Form.sha256, .earlier])
    func partsOfWholeWordsAreTheWhole(length: Int, form: Fingerprint.Form) {
        let whole = Fingerprint(form)
        Self.bytes.withUnsafeBytes { whole.add($0) }
        let parts = [Array(Self.bytes[..<length]), Array(Self.bytes[length...])]
        #expect(Self.text(parts, form) == whole.text())
    }

    @Test(arguments: [Fingerprint.Form.sha256, .earlier]) func everyBitAndTheLengthCount(
        form: Fingerprint.Form
    ) {
        var seen: Set<String> = [Self.text([Self.bytes], form)]
        for place in Self.bytes.indices {
            for bit in 0..<8 {
                var other = Self.bytes
                other[place] ^= 1 << bit
                #expect(seen.insert(Self.text([other], form)).inserted, "bit \(bit) of byte \(place)")
            }
        }
        #expect(seen.insert(Self.text([Self.bytes + [0]], form)).inserted)
    }
}
