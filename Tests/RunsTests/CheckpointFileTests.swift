import Foundation
import ModelFiles
import Runs
import Testing

/// A checkpoint whose files were spoiled: one line that names the file and the key or tensor.
@Suite struct CheckpointFileTests {
    private static let good = """
        {"format":3,"configuration":"seed: 1","isEvaluationDue":false,"step":7,"tokens":99,"seconds":1.5,"bestStep":null,"bestValue":0.5,
        "evaluationsWithoutImprovement":0,"isCompacted":false,"eventOffset":10,"rankOffset":20,"tripletOffset":30,
        "fingerprints":{"model":"1f"},"masks":[[true,false]],
        "triplets":[{"originalIndices":[0,2],"births":[0,0],"issued":3,"initialRank":3}]}
        """
    static let names = [
        "values", "adam.first", "adam.second", "importance.sensitivity", "importance.uncertainty",
    ]

    private final class Folder {
        let url: URL

        init() throws {
            url = FileManager.default.temporaryDirectory.appendingPathComponent("state-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            try Data(CheckpointFileTests.good.utf8).write(to: url.appendingPathComponent("state.json"))
            try write(Dictionary(uniqueKeysWithValues: CheckpointFileTests.names.map { ($0, [1, 2]) }))
        }

        deinit { try? FileManager.default.removeItem(at: url) }

        func write(_ tensors: [String: [Float]]) throws {
            try SafetensorsWriter.write(
                tensors.map { TensorToWrite(name: $0.key, shape: [$0.value.count], values: $0.value) },
                metadata: [:], to: url.appendingPathComponent("state.safetensors"))
        }

        /// Of reading the folder, with a manifest of the files as they are now.
        func message() throws -> String {
            try FolderManifest.write(into: url)
            do {
                _ = try Checkpoint.read(url)
                return "no error"
            } catch { return "\(error)".replacingOccurrences(of: url.path, with: "DIR") }
        }
    }

    @Test func aGoodOneIsRead() throws { #expect(try Folder().message() == "no error") }

    @Test(arguments: [
        (#""format":2"#, "format: written by another version of adalora; resume with the version"),
        (#""format":"3""#, "format: missing or of the wrong type"),
        (#""step":-1"#, "step: -1 is not from 0 to"),
        (#""step":1e15"#, "step: 1000000000000000 is not from 0 to"), (#""step":7.5"#, "step: missing or of"),
        (#""step":null"#, "step: missing or of"),
        (#""tokens":9007199254740991"#, "tokens: 9007199254740991 is not"),
        (#""tokens":"9""#, "tokens: missing or of"), (#""configuration":7"#, "configuration: missing or of"),
        (#""isEvaluationDue":null"#, "isEvaluationDue: missing or of"),
        (#""seconds":null"#, "seconds: missing or of"),
        (#""bestStep":"5""#, "bestStep: missing or of"), (#""bestValue":[]"#, "bestValue: missing or of"),
        (#""isCompacted":1"#, "isCompacted: missing or of"),
        (#""eventOffset":-1"#, "eventOffset: -1 is not from 0"),
        (#""rankOffset":-1"#, "rankOffset: -1 is not from 0"),
        (#""tripletOffset":{}"#, "tripletOffset: missing"),
        (#""sampleOffset":-1"#, "sampleOffset: -1 is not from 0"),
        (#""fingerprints":[]"#, "fingerprints: missing"),
        (#""fingerprints":{"model":3}"#, "fingerprints: missing"),
        (#""masks":[[1]]"#, "masks: missing or of"), (#""masks":{}"#, "masks: missing or of"),
        (#""triplets":[3]"#, "issued: missing or of"),
        (site(#""issued":-1"#), "issued: -1 is not from 0"), (site(#""issued":1"#), "contradict each other"),
        (site(#""originalIndices":[0,0]"#), "contradict each other"),
        (site(#""originalIndices":[0,-1]"#), "contradict each other"),
        (site(#""originalIndices":[0,"1"]"#), "originalIndices: missing or of"),
        (site(#""births":[0]"#), "contradict each other"),
        (site(#""births":[0,-1]"#), "contradict each other"),
        (site(#""initialRank":4"#), "contradict each other"),
        (site(#""initialRank":1e12"#), "contradict each other"),
    ])
    func spoiledState(member: String, problem: String) throws {
        let folder = try Folder()
        var state = try #require(try JSONValue.parse(Self.good).object)
        for (key, value) in try JSONValue.parse("{\(member)}").object?.members ?? [] { state[key] = value }
        let bytes = JSONValue.object(state).bytes()
        try Data(bytes).write(to: folder.url.appendingPathComponent("state.json"))
        let message = try folder.message()
        #expect(message.hasPrefix("DIR/state.json: ") && message.contains(problem), "\(message)")
        #expect(message.contains("; resume "), "\(message) says what to try")
    }

    /// The one site with another member.
    static func site(_ member: String) -> String {
        let site = (try? JSONValue.parse(good)["triplets"]?.array?.first?.object) ?? [:]
        var changed = site
        for (key, value) in (try? JSONValue.parse("{\(member)}"))?.object?.members ?? [] {
            changed[key] = value
        }
        return "\"triplets\":[\(JSONValue.object(changed).text())]"
    }

    @Test(arguments: names, [Float.nan, .infinity, -.infinity])
    func numbersThatAreNone(name: String, value: Float) throws {
        let folder = try Folder()
        var tensors = Dictionary(uniqueKeysWithValues: Self.names.map { ($0, [Float(1), 2]) })
        tensors[name] = [1, value]
        try folder.write(tensors)
        #expect(
            try folder.message()
                == "DIR/state.safetensors: \(name): the tensor holds NaN or infinite values; "
                + "resume from another checkpoint of this run")
    }

    @Test(arguments: [
        ("state.json", "", "the text is empty"), ("state.json", "[]", "format: missing"),
        ("state.json", "{\"format\":3,\"format\":3}", "duplicate key 'format'"),
        ("state.json", String(repeating: "[", count: 100_000), "nested deeper than 64 levels"),
        ("state.safetensors", "", "the file has 0 bytes"),
        ("state.safetensors", "\u{2}\0\0\0\0\0\0\0{}", "tensor 'values': not among the 0 tensors"),
        ("state.safetensors", "PK\u{3}\u{4}\0\0\0\0\0\0", "this is a PyTorch pickle"),
    ])
    func otherFiles(name: String, content: String, problem: String) throws {
        let folder = try Folder()
        try Data(content.utf8).write(to: folder.url.appendingPathComponent(name))
        let message = try folder.message()
        #expect(message.hasPrefix("DIR/\(name): ") && message.contains(problem), "\(message)")
    }
}
