import AdapterTools
import Foundation
import GoldenFiles
import Matrices
import Testing

@Suite struct LoadedModelTests {
    /// The fingerprint of the weights is the same whenever it is made, also beside threads that lay the weights out.
    @Test func fingerprintsAreTheSameWheneverTheyAreMade() throws {
        let folder = Golden.url("llama/model")
        let whole = try LoadedModel(folder, maxLength: 1).fingerprint
        #expect(whole.utf8.count == 64)
        #expect(try LoadedModel(folder, maxLength: 1, fingerprint: .whenAsked).fingerprint == whole)
        let beyond = try LoadedModel(folder, maxLength: 1, fingerprint: .beyond)
        beyond.layOut(Workers(count: 2))
        #expect(beyond.fingerprint == whole && beyond.fingerprint == whole)
        #expect(beyond.matches(whole) && !beyond.matches(String(whole.reversed())))
    }
}
