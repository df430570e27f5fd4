import Glibc
import Matrices

extension Tape {
    /// Σ over examples of −log softmax(logits)[label], divided by `divisor` (the examples of the whole step,
    /// of which this shard holds a part). Computed in Double. logits [B, K].
    public func crossEntropy(_ logits: Variable, labels: [Int32], divisor: Double) -> Double {
        let (rows, classes) = (logits.value.rows, logits.value.columns)
        precondition(labels.count == rows, "\(labels.count) labels for \(rows) rows of logits")
        var loss = 0.0
        let gradient = logits.needsGradient ? pool.matrix(rows: rows, columns: classes) : nil
        for row in 0..<rows {
            let label = Int(labels[row])
            precondition(label >= 0 && label < classes, "label \(label) of \(classes) classes")
            let values = logits.value.row(row)
            var top = -Float.infinity
            for column in 0..<classes where !(values[column] <= top) { top = values[column] }
            var sum = 0.0
            for column in 0..<classes { sum += exp(Double(values[column] - top)) }
            loss += (log(sum) - Double(values[label] - top)) / divisor
            guard let target = gradient?.row(row) else { continue }
            for column in 0..<classes {
                let probability = exp(Double(values[column] - top)) / sum
                target[column] = Float((probability - (column == label ? 1 : 0)) / divisor)
            }
        }
        seed(logits, with: gradient)
        return loss
    }

    /// Σ (prediction − target)² / divisor; predictions [B, 1].
    public func squaredError(_ predictions: Variable, targets: [Float], divisor: Double) -> Double {
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

    private func seed(_ variable: Variable, with gradient: Matrix?) {
        guard let gradient else { return }
        recordLoss { [unowned self] in
            guard let target = gradientTarget(of: variable) else { return }
            if target.accumulate {
                Kernel.add(gradient, into: target.matrix)
            } else {
                target.matrix.copyValues(from: gradient)
            }
        }
    }
}
