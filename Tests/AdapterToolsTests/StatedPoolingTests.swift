import AdapterTools
import Foundation
import Testing
import Transformers

/// What sentence-transformers write beside a model, and what of it a head follows.
@Suite struct StatedPoolingTests {
    private func stated(_ files: [String: String]) throws -> StatedPooling? {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "pooling-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            let file = folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return try StatedPooling(folder)
    }

    private static let modules = """
        [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
         {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
        """
    private static func flags(_ on: String...) -> String {
        let names = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]
        return "{\"word_embedding_dimension\": 384, "
            + names.map { "\"pooling_mode_\($0)\": \(on.contains($0))" }.joined(separator: ", ") + "}"
    }

    @Test func byItsModules() throws {
        let mean = try stated([
            "modules.json": Self.modules, "1_Pooling/config.json": Self.flags("mean_tokens"),
        ])
        #expect(mean?.pooling == .mean && mean?.source == "1_Pooling/config.json" && mean?.warning == nil)
        let first = try stated([
            "modules.json": Self.modules, "1_Pooling/config.json": Self.flags("cls_token"),
        ])
        #expect(first?.pooling == .first && first?.warning == nil)
        // Newer files name the way; a folder without the list of modules may have the file all the same.
        #expect(try stated(["1_Pooling/config.json": "{\"pooling_mode\": \"cls\"}"])?.pooling == .first)
        let elsewhere = Self.modules.replacing("1_Pooling", with: "pool")
        #expect(
            try stated(["modules.json": elsewhere, "pool/config.json": Self.flags("cls_token")])?.source
                == "pool/config.json")
        // Modules without pooling say nothing, whatever else lies there.
        let none = "[{\"path\": \"\", \"type\": \"sentence_transformers.models.Transformer\"}]"
        #expect(try stated(["modules.json": none]) == nil)
    }

    @Test func whatThereIsNotIsSaid() throws {
        let both = try stated([
            "modules.json": Self.modules, "1_Pooling/config.json": Self.flags("mean_tokens", "max_tokens"),
        ])
        #expect(both?.pooling == .mean)
        #expect(
            try #require(both?.warning).hasSuffix(
                "1_Pooling/config.json asks for pooling by 'max', 'mean', which this version has not; the head reads the "
                    + "mean. To choose, say --pooling mean, first or pooler"))
        #expect(throws: (any Error).self) {
            try stated(["modules.json": Self.modules, "1_Pooling/config.json": "{"])
        }
    }

    @Test func byItsCard() throws {
        let card = "---\nlanguage: en\nlibrary_name: sentence-transformers\n---\n# A model\n"
        #expect(try stated(["README.md": card])?.pooling == .mean)
        #expect(try stated(["README.md": card])?.source == "README.md")
        #expect(try stated(["README.md": "---\ntags:\n- sentence-transformers\n---\n"])?.pooling == .mean)
        #expect(
            try stated(["README.md": "---\r\ntags: [a, sentence-transformers]\r\n---\r\n"])?.pooling == .mean)
        // Words of a text are no tag, nor is a header that never ends or is no YAML.
        for other in [
            "# sentence-transformers\n", "---\nlibrary_name: transformers\n---\nsentence-transformers\n",
            "---\ntags:\n- sentence-transformers\n", "---\n: [\n---\n", "",
            "---\na: &a [x, x]\nb: [*a, *a]\n---\n",
        ] {
            #expect(try stated(["README.md": other]) == nil, "\(other)")
        }
        #expect(try stated([:]) == nil)
        // The file of the pooling itself comes first.
        let said = ["README.md": card, "1_Pooling/config.json": Self.flags("cls_token")]
        #expect(try stated(said)?.pooling == .first)
    }
}
