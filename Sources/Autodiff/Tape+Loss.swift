import Glibc
import Matrices

extension Tape {
    /// The label of a row without one: it adds nothing to the loss, and gets no gradient.
    package static let ignoredLabel: Int32 = -1

    /// Σ over examples of −log softmax(logits)[label], divided by `divisor` (the examples of the whole step,
    /// of which this shard holds a part). Rows of `ignoredLabel` do not count. Computed in Double. logits [B, K].
    ///
    /// - Parameter weights: of each class, [K]; rows count as often as the weight of their label says.
    package func crossEntropy(
        _ logits: Variable, labels: [Int32], weights: [Double]? = nil, divisor: Double
    ) -> Double {
        let (rows, classes) = (logits.value.rows, logits.value.columns)
        precondition(labels.count == rows, "\(labels.count) labels for \(rows) rows of logits")
        var loss = 0.0
        let gradient = logits.needsGradient ? pool.matrix(rows: rows, columns: classes) : nil
        for row in 0..<rows {
            if labels[row] == Self.ignoredLabel {
                gradient?.row(row).update(repeating: 0, count: classes)
                continue
            }
            let label = Int(labels[row])
            precondition(label >= 0 && label < classes, "label \(label) of \(classes) classes")
            let weight = weights?[label] ?? 1
            let values = logits.value.row(row)
            var top = -Float.infinity
            for column in 0..<classes where !(values[column] <= top) { top = values[column] }
            var sum = 0.0
            for column in 0..<classes { sum += exp(Double(values[column] - top)) }
            loss += weight * (log(sum) - Double(values[label] - top)) / divisor
            guard let target = gradient?.row(row) else { continue }
            for column in 0..<classes {
                let probability = exp(Double(values[column] - top)) / sum
                target[column] = Float(weight * (probability - (column == label ? 1 : 0)) / divisor)
            }
        }
        seed(logits, with: gradient)
        return loss
    }

    /// Σ (prediction − target)² / divisor; predictions [B, 1].
    package func squaredError(_ predictions: Variable, targets: [Float], divisor: Double) -> Double {
        precondition(
            predictions.value.count == targets.count,
            "\(targets.count) targets for \(predictions.value.count) predictions")
        var loss = 0.0
        let gradient = predictions.needsGradient ? pool.matrix(rows: targets.count, columns: 1) : nil
        for (row, target) in targets.enumerated() {
            let difference = Double(predictions.value.pointer[row]) - Double(target)
            loss += difference * difference / divisor
            gradient?.pointer[row] = Float(2 * difference / divisor)
        }
        seed(predictions, with: gradient)
        return loss
    }

    /// Mean over the K classes of the binary cross-entropy of sigmoid(logits), Σ over examples, divided by `divisor`;
    /// `sets` holds the classes that are true of each example. As PyTorch's BCEWithLogitsLoss. logits [B, K].
    package func binaryCrossEntropy(_ logits: Variable, sets: [[Int32]], divisor: Double) -> Double {
        let (rows, classes) = (logits.value.rows, logits.value.columns)
        precondition(sets.count == rows, "\(sets.count) label sets for \(rows) rows of logits")
        let scale = divisor * Double(classes)
        var loss = 0.0
        let gradient = logits.needsGradient ? pool.matrix(rows: rows, columns: classes) : nil
        var truth = [Double](repeating: 0, count: classes)
        for row in 0..<rows {
            for label in sets[row] { truth[Int(label)] = 1 }
            for column in 0..<classes {
                let value = Double(logits.value.row(row)[column])
                // log(1 + exp(x)) without overflow
                let softplus = max(value, 0) + log1p(exp(-abs(value)))
                loss += (softplus - value * truth[column]) / scale
                gradient?.row(row)[column] = Float((1 / (1 + exp(-value)) - truth[column]) / scale)
            }
            for label in sets[row] { truth[Int(label)] = 0 }
        }
        seed(logits, with: gradient)
        return loss
    }

    /// Mean of the cross-entropies of start and end, each a softmax over the tokens of a sequence, Σ over sequences,
    /// divided by `divisor`. logits [T, 2], sequence b being rows offsets[b] ..< offsets[b + 1]; `starts` and `ends` are
    /// positions within it.
    package func spanCrossEntropy(
        _ logits: Variable, offsets: [Int], starts: [Int32], ends: [Int32], divisor: Double
    ) -> Double {
        let sequences = offsets.count - 1
        precondition(
            logits.value.columns == 2 && offsets.last == logits.value.rows && starts.count == sequences
                && ends.count == sequences,
            "\(starts.count) starts, \(ends.count) ends and offsets \(offsets) for "
                + "[\(logits.value.rows), \(logits.value.columns)] logits")
        var loss = 0.0
        let gradient = logits.needsGradient ? pool.matrix(rows: logits.value.rows, columns: 2) : nil
        for sequence in 0..<sequences {
            let rows = offsets[sequence]..<offsets[sequence + 1]
            for (column, position) in [starts[sequence], ends[sequence]].enumerated() {
                let target = rows.lowerBound + Int(position)
                precondition(rows.contains(target), "position \(position) of \(rows.count) tokens")
                func value(_ row: Int) -> Float { logits.value.row(row)[column] }
                var top = -Float.infinity
                for row in rows where !(value(row) <= top) { top = value(row) }
                var sum = 0.0
                for row in rows { sum += exp(Double(value(row) - top)) }
                loss += (log(sum) - Double(value(target) - top)) / (2 * divisor)
                guard let gradient else { continue }
                for row in rows {
                    let probability = exp(Double(value(row) - top)) / sum
                    gradient.row(row)[column] = Float(
                        (probability - (row == target ? 1 : 0)) / (2 * divisor))
                }
            }
        }
        seed(logits, with: gradient)
        return loss
    }

    /// Sends the gradient of a loss back to what it was computed of; nil sends nothing.
    package func seed(_ variable: Variable, with gradient: Matrix?) {
        guard let gradient else { return }
        recordLoss { [unowned self, place = variable.place] in
            guard let target = gradientTarget(of: place) else { return }
            if target.accumulate {
                Kernel.add(gradient, into: target.matrix)
            } else {
                target.matrix.copyValues(from: gradient)
            }
        }
    }
}
