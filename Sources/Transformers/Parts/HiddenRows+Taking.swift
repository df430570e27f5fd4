import Autodiff
import ModelFiles

extension PackedBatch {
    /// Those that somebody reads, in rising order; nil for all.
    ///
    /// - Parameter padding: `pad_token_id` of the model.
    func indices(of rows: HiddenRows, padding: Int32?) -> [Int]? {
        switch rows {
        case .all: nil
        case .first, .start: Array(offsets.dropLast())
        case .last: lastRows(before: padding)
        case .some(let rows): rows
        }
    }

    /// The row of each sequence that transformers' classifiers on decoders read: the last one whose token is not `padding`,
    /// be it that such a token ends the text; the first where all are.
    private func lastRows(before padding: Int32?) -> [Int] {
        zip(offsets, offsets.dropFirst()).map { start, end in
            guard let padding else { return end - 1 }
            return (start..<end).last { ids[$0] != padding } ?? start
        }
    }
}

extension Tape {
    /// The rows that somebody reads of hidden[T, C], all rows of the batch.
    func taken(_ rows: HiddenRows, of hidden: Variable, _ batch: PackedBatch, padding: Int32?) -> Variable {
        batch.indices(of: rows, padding: padding).map { self.rows(hidden, $0) } ?? hidden
    }
}

extension HFConfig {
    /// `pad_token_id` of a decoder; nil where it has none, which some files write as -1.
    ///
    /// - Parameter usual: where the file says nothing; a null is none.
    func paddingToken(usual: Int32? = nil) throws -> Int32? {
        guard value("pad_token_id") != nil else { return has("pad_token_id") ? nil : usual }
        let token = try int("pad_token_id", in: -1...10_000_000)
        return token < 0 ? nil : Int32(token)
    }
}
