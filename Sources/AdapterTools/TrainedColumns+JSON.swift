import Datasets
import ModelFiles

/// The columns as `adalora.json` has them.
extension TrainedColumns {
    static let key = "columns"

    var json: JSONObject {
        var json: JSONObject = [
            "text": .array(text.map { .string($0) }), "label": .array(labels.map { .string($0) }),
        ]
        if let labelSeparator { json["labelSeparator"] = .string(labelSeparator) }
        return json
    }

    /// nil for what no training wrote.
    init?(json: JSONValue) {
        func names(_ key: String, atMost limit: Int) -> [String]? {
            guard let list = json[key]?.array, list.count <= limit else { return nil }
            let names = list.compactMap(\.string)
            return names.count == list.count && Set(names).count == names.count ? names : nil
        }
        guard let text = names("text", atMost: 2), let labels = names("label", atMost: LabelSet.mostClasses),
            json["labelSeparator"].map({ $0.string?.isEmpty == false }) ?? true
        else { return nil }
        self.init(text: text, labels: labels, labelSeparator: json["labelSeparator"]?.string)
    }
}
