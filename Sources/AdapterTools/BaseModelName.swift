import Adapters
import Foundation
import Messages
import ModelFiles
import Transformers

/// Whether a base folder can be the model that PEFT's files name as the adapter's base, where the weights' fingerprint
/// is not known.
package enum BaseModelName {
    /// A name that is the path of a model here must lead to the same weights; any other must be that of the base
    /// folder, or the `_name_or_path` in its `config.json`, organization and case aside.
    package static func check(_ adapter: URL, _ loaded: LoadedModel) throws {
        let base = loaded.url
        guard let name = try PEFTFolder.baseModel(of: adapter), !name.isEmpty else { return }
        let named = URL(fileURLWithPath: name)
        if PretrainedModel.isThere(named) {
            if named.resolvingSymlinksInPath().path == base.resolvingSymlinksInPath().path { return }
            let other = try? LoadedModel(named, maxLength: 1, baseFormat: loaded.baseFormat)
            if other?.fingerprint == loaded.fingerprint { return }
        } else {
            let stated = loaded.model.config.raw["_name_or_path"]?.string ?? ""
            let ours = parts(of: base.standardizedFileURL.path) + parts(of: stated)
            if parts(of: name).contains(where: ours.contains) { return }
        }
        throw ModelFileError(
            file: adapter.appendingPathComponent(PEFTFolder.configurationFile).path,
            place: "base_model_name_or_path",
            problem: "the adapter was made for \"\(name)\", and the base given is \(base.path)",
            advice:
                "give that model, or take the adapter over with adalora import \(SettingName.anyBaseName) if it is the same"
        )
    }

    /// The last component, and the model's name in a path of the Hugging Face cache (`models--ORG--NAME/…`).
    private static func parts(of path: String) -> [String] {
        let components = path.lowercased().split(separator: "/")
        let cached = components.filter { $0.hasPrefix("models--") }.compactMap {
            $0.components(separatedBy: "--").last
        }
        return (components.last.map { [String($0)] } ?? []) + cached
    }
}
