import Foundation
import ModelFiles
import Tokenizers

/// Folders of tokenizer files, and what transformers' AutoTokenizer makes of them
/// (scripts/goldens/tokenizer_folders.py).
struct FolderGoldens {
    struct Folder {
        let name: String
        let files: JSONObject
        /// One for each text, then one for windows; empty where transformers cannot open the folder.
        let hashes: [String]
        /// Whether `tokenizer.json` alone would give other ids.
        let differs: Bool
    }

    let folders: [Folder]
    private let texts: [(text: String, pair: String?, maxLength: Int?)]
    private let question: (String, String)
    private let parts: JSONObject

    init(_ file: URL) throws {
        let root = try JSONValue.read(file)
        parts = root["parts"]?.object ?? JSONObject()
        texts = (root["texts"]?.array ?? []).map { entry in
            let parts = entry.array ?? []
            return (parts[0].string ?? "", parts[1].string, parts[2].int)
        }
        question = (root["question"]?.array?[0].string ?? "", root["question"]?.array?[1].string ?? "")
        folders = (root["folders"]?.array ?? []).map { entry in
            Folder(
                name: entry["name"]?.string ?? "", files: entry["files"]?.object ?? JSONObject(),
                hashes: (entry["hashes"]?.string ?? "").split(separator: " ").map(String.init),
                differs: entry["differs"]?.bool ?? false)
        }
    }

    /// Of each text, and of the windows.
    var textCount: Int { texts.count + 1 }

    func write(_ folder: Folder, into url: URL) throws {
        for (name, content) in folder.files.members {
            let whole = placed(content)
            let bytes = whole.string.map { Data($0.utf8) } ?? Data(whole.bytes(pretty: false))
            try bytes.write(to: url.appendingPathComponent(name))
        }
    }

    /// With the parts themselves where their names stand.
    private func placed(_ value: JSONValue) -> JSONValue {
        if let name = value.string, name.hasPrefix("@"), let part = parts[String(name.dropFirst())] {
            return placed(part)
        }
        if let list = value.array { return .array(list.map(placed)) }
        guard let object = value.object else { return value }
        var result = JSONObject()
        for (key, value) in object.members { result[key] = placed(value) }
        return .object(result)
    }

    /// What the texts and the windows come to, as numbers, and a text to say which.
    func encoded(by tokenizer: Tokenizer) -> [(what: String, numbers: [Int32])] {
        var all = texts.map { text, pair, maxLength in
            let got = tokenizer.encode(text, pair: pair, maxLength: maxLength ?? 1 << 20)
            return ("\(text) | \(pair ?? "")", got.ids + [-1] + got.typeIDs)
        }
        let windows = tokenizer.windows(
            question: question.0, context: question.1, maxLength: 28, stride: 3, longestQuestion: 8
        ).windows
        all.append(("windows", windows.flatMap { $0.encoding.ids + [-1] }))
        return all
    }

    static func hash(_ numbers: [Int32]) -> String {
        var sum = FNV()
        for number in numbers { sum.add(UInt32(bitPattern: number)) }
        return String(sum.text.prefix(8))
    }
}
