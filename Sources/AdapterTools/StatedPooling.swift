import Foundation
import Messages
import ModelFiles
import Transformers
import Yams

/// The pooling that the folder of a model asks for: what its rows mean was learned through it.
///
/// Sentence-transformers say it in `modules.json`, which names a folder of type `….Pooling` with its own `config.json`; their
/// tag alone, in the header of the model card (`README.md`), stands for the mean, which is what they put on a folder
/// without modules.
package struct StatedPooling: Sendable, Equatable {
    package let pooling: Pooling
    /// The file that says so, from the folder on
    package let source: String
    /// Where the folder asks for what there is not
    package let warning: String?

    private init(_ pooling: Pooling, _ source: String, warning: String? = nil) {
        self.pooling = pooling
        self.source = source
        self.warning = warning
    }

    /// nil where the folder says nothing.
    ///
    /// - Throws: `ModelFileError` for a file of modules that is none.
    package init?(_ folder: URL) throws {
        guard !PretrainedModel.isGGUF(folder) else {
            guard
                let pooling = try PretrainedModel.open(folder).gguf.flatMap({
                    try $0.form.pooling(of: $0.file)
                })
            else { return nil }
            self.init(pooling, "its pooling_type")
            return
        }
        guard let stated = try Self.module(in: folder) ?? Self.card(in: folder) else { return nil }
        self = stated
    }

    private static func module(in folder: URL) throws -> StatedPooling? {
        var path = "1_Pooling"
        let modules = folder.appendingPathComponent("modules.json")
        if FileManager.default.fileExists(atPath: modules.path) {
            let list = try JSONValue.read(modules)
            let pooling = (list.array ?? []).first { $0["type"]?.string?.hasSuffix(".Pooling") ?? false }
            guard let named = pooling?["path"]?.string else { return nil }
            path = named
        }
        let source = path.isEmpty ? "config.json" : "\(path)/config.json"
        let file = folder.appendingPathComponent(source)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        return stated(try JSONValue.read(file), source: oneLine(source), folder)
    }

    /// `pooling_mode` names one way in newer files; in older ones each way has a flag, and the rows of several are put
    /// side by side.
    private static func stated(_ config: JSONValue, source: String, _ folder: URL) -> StatedPooling? {
        let flags = [
            "cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens",
            "max": "pooling_mode_max_tokens", "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
            "weightedmean": "pooling_mode_weightedmean_tokens", "lasttoken": "pooling_mode_lasttoken",
        ]
        let named =
            config["pooling_mode"]?.string.map { [$0] } ?? config["pooling_mode"]?.array?.compactMap(\.string)
        let modes = named ?? flags.filter { config[$0.value]?.bool == true }.map(\.key).sorted()
        switch modes {
        case []: return nil
        case ["cls"]: return StatedPooling(.first, source)
        case ["mean"]: return StatedPooling(.mean, source)
        default:
            let text = modes.map { quoted($0) }.joined(separator: ", ")
            return StatedPooling(
                .mean, source,
                warning:
                    "\(folder.path)/\(source) asks for pooling by \(text), which this version has not; the head reads the mean. "
                    + "To choose, say \(SettingName.pooling) mean, first or pooler")
        }
    }

    private static func card(in folder: URL) -> StatedPooling? {
        guard let header = ModelCardHeader(folder), header.isForSentences else { return nil }
        return StatedPooling(.mean, ModelCardHeader.file)
    }
}

/// The YAML between two lines of `---` at the top of a model card.
struct ModelCardHeader {
    static let file = "README.md"
    private static let mostBytes = 64 * 1024

    private let library: String?
    private let tags: [String]

    var isForSentences: Bool { ([library].compactMap(\.self) + tags).contains("sentence-transformers") }

    /// nil where there is none, or none that can be read: a card is for people.
    init?(_ folder: URL) {
        guard let file = try? FileHandle(forReadingFrom: folder.appendingPathComponent(Self.file)),
            let data = try? file.read(upToCount: Self.mostBytes)
        else { return nil }
        let lines = String(decoding: data, as: UTF8.self).split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else { return nil }
        // Aliases could stand for far more than the file holds.
        let yaml = lines[1..<end].joined(separator: "\n").replacing("*", with: " ")
        guard let root = try? Parser(yaml: yaml, resolver: .basic, encoding: .utf8).singleRoot()?.mapping
        else { return nil }
        library = root["library_name"]?.string
        tags = root["tags"]?.sequence?.compactMap(\.string) ?? []
    }
}
