import Foundation
import FuzzEntries
import Testing

/// Inputs that once made a reader trap, hang or fill the memory, and the small real ones that fuzzing starts from:
/// `Tests/FuzzTests/corpus/TARGET`. `scripts/fuzz.sh` makes more of them up.
@Suite struct CorpusTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("corpus")

    static func inputs(_ target: FuzzTarget) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: folder.appendingPathComponent(target.rawValue), includingPropertiesForKeys: nil
        ).sorted { $0.path < $1.path }
    }

    @Test(.timeLimit(.minutes(1)), arguments: FuzzTarget.allCases)
    func everyInputIsReadOrRefused(target: FuzzTarget) throws {
        let scratch = try Scratch()
        let inputs = try Self.inputs(target)
        #expect(!inputs.isEmpty)
        for input in inputs {
            do {
                try target.check([UInt8](Data(contentsOf: input)), in: scratch)
            } catch { Issue.record("\(input.lastPathComponent): \(error)") }
        }
    }

    /// A seed that is refused at once would lead a fuzzer nowhere.
    @Test(arguments: FuzzTarget.allCases)
    func seedsAreRead(target: FuzzTarget) throws {
        let scratch = try Scratch()
        let seeds = try Self.inputs(target).filter { $0.lastPathComponent.hasPrefix("seed-") }
        #expect(!seeds.isEmpty)
        for seed in seeds {
            let refusal = try target.refusal([UInt8](Data(contentsOf: seed)), in: scratch)
            #expect(refusal == nil, "\(seed.lastPathComponent)")
        }
    }
}
