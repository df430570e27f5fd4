import Datasets
import Matrices

/// The rows of a file in k folds for cross-validation: the same ones for the same rows and seed. Each fold is tested once,
/// by a run that trains on the others.
///
/// Rows of one text go together, as in `RowSplit`. Each label is spread over the folds, so that each fold has about its
/// share; of rows with several labels the rarest is spread first (as Sechidis, Tsoumakas and Vlahavas 2011). A label whose
/// rows all go together cannot be in training and in a test: such rows are tested in no fold.
package struct RowFolds: Sendable {
    /// Positions of the rows of each fold, rising.
    package let folds: [[Int]]
    /// Rows that are always for training, since their label has no others; rising.
    package let untested: [Int]
    package let rule: SplitRule
    package let seed: UInt64

    /// - Throws: `TaskError` where there are fewer texts than folds.
    package init(_ dataset: Dataset, rule: SplitRule, count: Int, seed: UInt64) throws {
        precondition(count > 1, "\(count) folds leave nothing to train on")
        self.rule = rule
        self.seed = seed
        let groups = RowGroup.all(dataset, rule)
        var dealer = FoldDealer(groups, count: count)
        var stream = RandomStream(seed: seed, purpose: "folds")
        dealer.deal(groups.indices.shuffled(using: &stream))
        dealer.keepLabelsInTraining()
        var folds = [[Int]](repeating: [], count: count)
        var untested: [Int] = []
        for (group, fold) in zip(groups, dealer.foldOf) {
            if let fold { folds[fold] += group.rows } else { untested += group.rows }
        }
        self.folds = folds.map { $0.sorted() }
        self.untested = untested.sorted()
        guard folds.allSatisfy({ !$0.isEmpty }) else {
            throw TaskError(
                "\(dataset.file): \(dataset.examples.count) rows are too few for \(count) folds: rows of one text go "
                    + "together, and a label that only one text has stays in training; give more rows, or fewer folds"
            )
        }
    }

    /// Positions of the rows that a fold's runs train on, rising.
    package func training(without fold: Int) -> [Int] {
        (folds.enumerated().filter { $0.offset != fold }.flatMap(\.element) + untested).sorted()
    }

    /// `5 folds of 20 rows (stratified, seed 1)`
    package var sentence: String {
        let sizes = folds.map(\.count)
        let (least, most) = (sizes.min() ?? 0, sizes.max() ?? 0)
        let size = least == most ? "\(least)" : "\(least) to \(most)"
        let rest =
            untested.isEmpty
            ? ""
            : "; \(untested.count) \(untested.count == 1 ? "row is" : "rows are") always for training, as the only text of "
                + "some label"
        return "\(folds.count) folds of \(size) rows (\(rule.name), seed \(seed))\(rest)"
    }
}

/// Puts groups of rows into folds one by one.
private struct FoldDealer {
    private let groups: [RowGroup]
    private let count: Int
    /// nil for a group that is always for training.
    private(set) var foldOf: [Int?]
    /// Rows of each fold.
    private var sizes: [Int]
    /// Groups of a label in each fold.
    private var labelSizes: [String: [Int]] = [:]
    private var frequency: [String: Int] = [:]

    init(_ groups: [RowGroup], count: Int) {
        self.groups = groups
        self.count = count
        foldOf = [Int?](repeating: nil, count: groups.count)
        sizes = [Int](repeating: 0, count: count)
        for label in groups.flatMap(\.labels) { frequency[label, default: 0] += 1 }
    }

    /// Groups with the rarest labels first; of equal ones in the given order.
    mutating func deal(_ order: [Int]) {
        let sorted = order.enumerated().map {
            (place: $0.offset, group: $0.element, rarest: rarity($0.element))
        }
        .sorted { ($0.rarest, $0.place) < ($1.rarest, $1.place) }
        for entry in sorted where entry.rarest > 1 {
            let labels = groups[entry.group].labels.sorted {
                (frequency[$0] ?? 0, $0) < (frequency[$1] ?? 0, $1)
            }
            let fold = emptiest(labels)
            foldOf[entry.group] = fold
            sizes[fold] += groups[entry.group].rows.count
            for label in labels { labelSizes[label, default: [Int](repeating: 0, count: count)][fold] += 1 }
        }
    }

    /// Texts with the rarest label of a group; without labels as many as may be.
    private func rarity(_ group: Int) -> Int {
        groups[group].labels.compactMap { frequency[$0] }.min() ?? Int.max
    }

    /// The fold with the fewest texts of the first label, of equal ones the fewest of the next, then the fewest rows.
    private func emptiest(_ labels: [String]) -> Int {
        func load(_ fold: Int) -> [Int] { labels.map { labelSizes[$0]?[fold] ?? 0 } + [sizes[fold], fold] }
        return (0..<count).min { load($0).lexicographicallyPrecedes(load($1)) } ?? 0
    }

    /// A label of several that came into one fold alone: its smallest group goes to training.
    mutating func keepLabelsInTraining() {
        for label in frequency.keys.sorted() {
            let members = groups.indices.filter { groups[$0].labels.contains(label) }
            guard let first = members.first, let fold = foldOf[first],
                members.allSatisfy({ foldOf[$0] == fold }),
                let smallest = members.min(by: { (groups[$0].rows.count, $0) < (groups[$1].rows.count, $1) })
            else { continue }
            foldOf[smallest] = nil
        }
    }
}
