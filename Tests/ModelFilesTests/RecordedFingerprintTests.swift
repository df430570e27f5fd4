import Foundation
import GoldenFiles
import ModelFiles
import Testing

@Suite struct RecordedFingerprintTests {
    /// What `sha256sum` prints of the file.
    @Test func aFileHasItsSHA256() throws {
        #expect(
            try Fingerprint.of(file: Golden.url("runs/train.jsonl"))
                == "326e14af9cb1f98e0792e34a192025bcef1d4764f860bcec4feaa12cd7167e23")
    }

    /// By Python: `hashlib.sha256(b"abc" + struct.pack("<Q", 3) + b"defghijklm" + struct.pack("<Q", 10))`.
    @Test func bordersBetweenPartsCount() {
        func text(_ parts: [String]) -> String {
            let fingerprint = Fingerprint()
            for part in parts { Array(part.utf8).withUnsafeBytes { fingerprint.add($0) } }
            return fingerprint.text()
        }
        let parts = text(["abc", "defghijklm"])
        #expect(parts == "f64d652b0e17531f7f543c531a7b773a4a00bfa45e6c6f711cd90fc31c0f93ab")
        #expect(text(["abcd", "efghijklm"]) != parts)
    }

    /// As a checkpoint of commit 2c4d924 has them.
    @Test func theEarlierFormIsThatOfEarlierVersions() throws {
        let recorded = try Golden.json("runs/adalora-exact/checkpoints/step-45/state.json")["fingerprints"]
        for name in ["train", "validation"] {
            let text = try #require(recorded?[name]?.string)
            #expect(try Fingerprint.of(file: Golden.url("runs/\(name).jsonl"), .earlier) == text)
            #expect(Fingerprint.Form(of: text) == .earlier)
        }
        #expect(Fingerprint.Form(of: String(repeating: "a", count: 64)) == .sha256)
    }
}
