import Adapters
import Foundation
import Messages
import ModelFiles
import Training
import Transformers

extension BaseModelName {
    /// The name that an export gives its base, and where it comes from.
    ///
    /// `_name_or_path` of the base's own `config.json` is none of these: it says what the base was made from, which for
    /// most fine-tuned models has other weights.
    package struct Choice: Sendable, Equatable {
        package enum Origin: Sendable {
            /// Somebody gave it.
            case given
            /// The path of the base in the Hub's cache says it.
            case cache
            /// The adapter says it.
            case adapter
            /// The base's own path, from the working folder
            case path
            /// The base's own path, whole: it lies elsewhere on this machine.
            case wholePath
        }

        package let name: String
        package let origin: Origin

        package init(_ name: String, _ origin: Origin) { (self.name, self.origin) = (name, origin) }

        /// Whether it may be the name of a model on the Hub.
        package var isOnHub: Bool { BaseModelName.isOnHub(name) }
        /// Whether it is right only here.
        package var isLocal: Bool { origin == .path || origin == .wholePath }
    }

    /// - Parameters:
    ///   - given: by whoever exports; nil finds one.
    ///   - written: what the adapter has called its base so far.
    static func choose(_ given: String?, _ loaded: LoadedModel, written: String) throws -> Choice {
        let base = loaded.url
        if let given {
            try check(given: given, loaded)
            return Choice(given, .given)
        }
        if let name = cachedName(base.path) { return Choice(name, .cache) }
        if isOnHub(written), !FileManager.default.fileExists(atPath: written) {
            return Choice(written, .adapter)
        }
        return pathFromHere(base).map { Choice($0, .path) }
            ?? Choice(base.standardizedFileURL.path, .wholePath)
    }

    /// A path that leads to a model must lead to the one that the adapter was trained on; of other names nothing is known
    /// here.
    private static func check(given name: String, _ loaded: LoadedModel) throws {
        guard !name.isEmpty, name.trimmingCharacters(in: .whitespaces) == name, oneLine(name) == name else {
            throw TrainingError(
                .usage,
                "\(SettingName.baseName) \(quoted(name)) is no name of a model; give one on the Hub, such as "
                    + "sentence-transformers/all-MiniLM-L6-v2, or a path")
        }
        let named = URL(fileURLWithPath: name)
        guard PretrainedModel.isThere(named),
            named.resolvingSymlinksInPath().path != loaded.url.resolvingSymlinksInPath().path
        else { return }
        let other = try? LoadedModel(named, maxLength: 1, baseFormat: loaded.baseFormat)
        guard other?.fingerprint == loaded.fingerprint else {
            throw TrainingError(
                .usage,
                "\(SettingName.baseName) \(name) is a model here with other weights than \(loaded.url.path), on which "
                    + "the adapter was trained; give the name of that one")
        }
    }

    /// `ORG/NAME` or `NAME`, as huggingface_hub checks them.
    static func isOnHub(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        func isPlain(_ character: Character) -> Bool {
            character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
        }
        return parts.count <= 2 && name.count <= 96 && !name.contains("--") && !name.contains("..")
            && parts.allSatisfy { part in
                guard let first = part.first, let last = part.last else { return false }
                return part.allSatisfy(isPlain) && !"-.".contains(first) && !"-.".contains(last)
            }
    }

    /// `ORG/NAME` of a folder in the Hub's cache, `…/models--ORG--NAME/snapshots/REVISION`.
    package static func cachedName(_ path: String) -> String? {
        let components = path.split(separator: "/")
        guard let snapshots = components.lastIndex(of: "snapshots"), snapshots > 0,
            components[snapshots - 1].hasPrefix("models--")
        else { return nil }
        let name = String(components[snapshots - 1].dropFirst("models--".count)).replacing("--", with: "/")
        return isOnHub(name) ? name : nil
    }

    /// `./models/minilm` for what lies below the working folder, else nil. The dot keeps it from being a name on the Hub.
    static func pathFromHere(_ url: URL) -> String? {
        let here = FileManager.default.currentDirectoryPath
        for path in [url.standardizedFileURL.path, url.resolvingSymlinksInPath().path] {
            if path == here { return "." }
            let start = here.hasSuffix("/") ? here : here + "/"
            if path.hasPrefix(start) { return "./" + path.dropFirst(start.count) }
        }
        return nil
    }
}
