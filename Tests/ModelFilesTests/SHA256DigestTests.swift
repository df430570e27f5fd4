import ModelFiles
import Testing

struct SHA256DigestTests {
    /// The examples of FIPS 180-4's test vectors: one block, no bytes, and a million of "a" in uneven pieces.
    @Test func knowsTheStandardsExamples() {
        #expect(
            digest([Array("abc".utf8)])
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(digest([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        let pieces = (0..<1000).map { [UInt8](repeating: UInt8(ascii: "a"), count: $0 % 2 == 0 ? 1 : 1999) }
        #expect(digest(pieces) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    private func digest(_ pieces: [[UInt8]]) -> String {
        let digest = SHA256Digest()
        for piece in pieces { piece.withUnsafeBytes { digest.update($0) } }
        return digest.hexadecimal()
    }
}
