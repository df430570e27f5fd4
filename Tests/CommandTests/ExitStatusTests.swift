import Foundation
import Testing

/// No command ends with "unforeseen" (70) for an error that the sources throw.
@Suite struct ExitStatusTests {
    private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Sources")

    /// Caught where they are thrown, by the file named.
    private static let caught = [
        "ValueProblem": "RunConfiguration/ConfigLoading.swift",
        "Refusal": "RunConfiguration/ConfigFile.swift",
        "AdaLoRAError": "AdaLoRALibrary/AdaLoRAError.swift",
        "Fault": "RunRecords/EventLine+Triplets.swift",
        "GzipError": "Experiments/StoredPredictions.swift",
        "BrokenMetadata": "Images/ImageHeader.swift",
        "ExpressionError": "Tokenizers/File/JSONValue+Settings.swift",
    ]

    /// Names of types that are declared as errors.
    private static func declared(_ text: String) throws -> [String] {
        let pattern = try Regex(#"(?:struct|enum|class|extension) ([\w.]+)\s*:([^{\n]*)\{"#)
        return text.matches(of: pattern).compactMap { match in
            guard let name = match.output[1].substring, let parents = match.output[2].substring else {
                return nil
            }
            return parents.split { !$0.isLetter }.contains("Error") ? String(name) : nil
        }
    }

    @Test func everyErrorTypeHasAStatus() throws {
        let table = try ["adalora/Failure.swift", "Runs/FailureKind.swift"].map {
            try String(contentsOf: Self.sources.appendingPathComponent($0), encoding: .utf8)
        }.joined()
        var names: Set<String> = []
        let files = FileManager.default.enumerator(at: Self.sources, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            for name in try Self.declared(try String(contentsOf: file, encoding: .utf8)) {
                names.insert(name)
                let isInTable = table.contains(try Regex("(?:is|as) (?:\\w+\\.)?\(name)\\b"))
                #expect(
                    isInTable || Self.caught[name] != nil,
                    "\(name) (\(file.lastPathComponent)) has no status in Failure.swift or FailureKind.swift")
            }
        }
        #expect(names.count >= 18 && names.isSuperset(of: Self.caught.keys), "found \(names.sorted())")
        for (name, file) in Self.caught {
            let text = try String(contentsOf: Self.sources.appendingPathComponent(file), encoding: .utf8)
            #expect(
                text.contains("as \(name)") || text.contains("do throws(\(name))"),
                "\(name) is not caught in \(file)")
        }
    }

    @Test func theSearchFindsErrors() throws {
        let text = """
            package struct A: Error, Sendable {
            enum B: String, Error {
            struct C: ErrorLike {
            """
        #expect(try Self.declared(text) == ["A", "B"])
    }

    /// What Foundation refuses is one line and status 74.
    @Test func theSystemRefusesAFolder() throws {
        let workspace = try Workspace()
        try workspace.write("no folder", to: "taken")
        let result = try workspace.run([
            "sweep", "--model", "model", "--train", "train.jsonl", "--validation", "validation.jsonl",
            "--output", "taken/out", "--threads", "1", "--set", "max-length=40", "--ranks", "1", "--set",
            "steps=2",
        ])
        #expect(result.status == 74 && result.errorLines.count == 1, "\(result.status): \(result.errors)")
        #expect(
            result.errors.contains("taken") && result.errors.contains("; check the path"), "\(result.errors)")
    }
}
