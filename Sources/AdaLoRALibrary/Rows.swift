import Foundation

/// Where rows come from.
public enum Rows: Sendable {
    /// Rows that the program holds. A run keeps them in its folder, as `train.jsonl` and `validation.jsonl`, so that it can be
    /// resumed and measured again; messages call row N line N of that file.
    case values([Row])
    /// JSON Lines, JSON, CSV, TSV, CoNLL or SQuAD, packed by gzip or not, as the program `adalora` reads them. The columns are
    /// found by their names unless the settings `text-column` and `label-column` say which they are.
    case file(URL)
}

/// By which rows a run is judged. The best evaluation decides which adapter is kept.
public enum Validation: Sendable {
    /// By none: the adapter of the last step is kept.
    case none
    /// By this share of the training rows, above 0 and below 1, which is held out. Rows of the same text stay together, and
    /// labels keep their shares.
    case share(Double)
    /// By rows of their own, with labels that the training rows have
    case rows(Rows)
}
