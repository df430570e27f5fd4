import Datasets
import Matrices
import ModelFiles
import Transformers

/// The classes of rows, and what of a sequence the head reads for them.
struct ClassHead {
    let labels: LabelSet
    let pooling: Pooling

    init(labels: LabelSet, pooling: Pooling) {
        self.labels = labels
        self.pooling = pooling
    }

    init(_ record: TaskRecord) throws {
        self.init(
            labels: try LabelSet(names: record.labels, source: "the adapter"), pooling: record.pooling)
    }

    func record(_ kind: TaskKind) -> TaskRecord {
        TaskRecord(kind, labels: labels.names, pooling: pooling)
    }

    /// The answers of sequences, in their order.
    func lines(_ data: TokenizedDataset, _ options: AnswerOptions, read: ShardReading) throws -> [JSONObject]
    {
        let lines = RowResults<JSONObject>(count: data.count)
        try read(data, [lines]) { rows in
            let logits = rows.logits().value
            lines.put((0..<logits.rows).map { line(logits, $0, top: options.top) }, at: rows.members)
        }
        return lines.all
    }

    /// What a model card's program prints of logits [B, K].
    static let printing = [
        "for row in logits.softmax(-1).tolist():", "    print(labels[row.index(max(row))], max(row))",
    ]

    /// The answer of a row of logits [B, K].
    private func line(_ logits: Matrix, _ row: Int, top: Int?) -> JSONObject {
        let probabilities = logits.probabilities(row)
        var line: JSONObject = ["label": .string(labels.names[Int(logits.largestColumn(row))])]
        line["probability"] = .number(probabilities.max() ?? 0)
        line["probabilities"] = labels.ranked(probabilities, top: top)
        return line
    }
}

extension LabelSet {
    /// Names with their probabilities, the most probable first.
    func ranked(_ probabilities: [Double], top: Int?) -> JSONValue {
        let order = probabilities.indices.sorted {
            (probabilities[$1], $0) < (probabilities[$0], $1)
        }
        var ranked = JSONObject()
        for index in order.prefix(top ?? order.count) {
            ranked[names[index]] = .number(probabilities[index])
        }
        return .object(ranked)
    }
}

extension Prediction {
    init(_ line: JSONObject, truncatedTokens: Int) {
        var line = line
        if truncatedTokens > 0 { line[Self.truncatedTokens] = JSONValue(truncatedTokens) }
        self.init(line: line, isCut: truncatedTokens > 0)
    }
}
