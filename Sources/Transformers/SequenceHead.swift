import Autodiff
import Matrices

/// How the rows of a sequence become the one that the head reads: as the architecture's own classifier does (BERT's
/// pooler: first row, dense, tanh; RoBERTa, ELECTRA, DistilBERT, DeBERTa and MPNet: first row, through a new dense layer
/// of the head's), the mean, or the first row itself.
package enum Pooling: String, CaseIterable, Sendable { case pooler, mean, first }

/// What a head reads, and what it gives numbers to.
package enum HeadForm: Sendable, Equatable {
    /// One row of a sequence, for K numbers a sequence.
    case sequence(Pooling)
    /// Every row, for K numbers a token.
    case token
    /// Every row, for two numbers a token: that an answer starts here, that it ends here.
    case span

    /// Whether there is a row of logits for each token.
    package var isPerToken: Bool {
        if case .sequence = self { false } else { true }
    }

    /// Of `task_type` in PEFT's adapter_config.json.
    package var peftTask: String {
        switch self {
        case .sequence: "SEQ_CLS"
        case .token: "TOKEN_CLS"
        case .span: "QUESTION_ANS"
        }
    }
}

/// Pooling, dropout and a linear layer to K classes, or to one score; or dropout and a linear layer on every token.
package final class SequenceHead: Sendable {
    package let form: HeadForm
    package let dropout: Float
    /// `[K, C]`
    package let weight: Parameter
    /// `[1, K]`
    package let bias: Parameter
    package var outputs: Int { weight.values.rows }
    private let pooler: (weight: Weight, bias: Weight)?
    /// `[C, C]` and `[1, C]`, of the head's own, trained with it
    private let dense: (weight: Parameter, bias: Parameter, activation: DenseActivation, dropsInput: Bool)?

    /// A head whose encoder has no pooler to offer.
    package struct MissingPooler: Error, CustomStringConvertible {
        package var description: String {
            "the model has no pooler.dense weights, which pooling: pooler needs; take a checkpoint with them, or train "
                + "with another head (adalora train --pooling mean or first)"
        }
    }

    /// Weights N(0, 0.02²), as BERT's initializer, and zero bias.
    package convenience init(
        encoder: TextEncoder, outputs: Int, pooling: Pooling, dropout: Float, stream: RandomStream
    ) throws {
        try self.init(
            encoder: encoder, outputs: outputs, form: .sequence(pooling), dropout: dropout, stream: stream)
    }

    /// As above, for any form.
    package init(
        encoder: TextEncoder, outputs: Int, form: HeadForm, dropout: Float, stream: RandomStream
    ) throws {
        let family = encoder.configuration.family
        let name = family.classifierName(form)
        let width = encoder.configuration.hiddenSize
        self.form = form
        self.dropout = dropout
        var stream = stream
        let values = Matrix(rows: outputs, columns: width)
        stream.fillNormal(values, deviation: 0.02)
        weight = Parameter(name: name + ".weight", values: values)
        bias = Parameter(name: name + ".bias", vector: Matrix(rows: 1, columns: outputs))
        switch (form, family.classifier) {
        case (.sequence(.pooler), .pooler):
            guard let own = encoder.pooler else { throw MissingPooler() }
            (pooler, dense) = (own, nil)
        case (.sequence(.pooler), .dense(let activation, let dropsInput)):
            let square = Matrix(rows: width, columns: width)
            stream.fillNormal(square, deviation: 0.02)
            pooler = nil
            dense = (
                Parameter(name: family.headNames.dense + ".weight", values: square),
                Parameter(name: family.headNames.dense + ".bias", vector: Matrix(rows: 1, columns: width)),
                activation, dropsInput
            )
        case (.sequence, _), (.token, _), (.span, _): (pooler, dense) = (nil, nil)
        }
    }

    /// Sets the bias of a head that has not been trained; one value an output.
    package func startBias(at values: [Float]) {
        precondition(values.count == outputs, "\(values.count) biases for \(outputs) outputs")
        for (index, value) in values.enumerated() { bias.values.pointer[index] = value }
    }

    /// All that trains, by its name in transformers' sequence classifier.
    package var parameters: [Parameter] {
        (dense.map { [$0.weight, $0.bias] } ?? []) + [weight, bias]
    }

    /// The modules of `parameters` as PEFT's `modules_to_save` names them.
    package var modules: [String] {
        var modules: [String] = []
        for parameter in parameters {
            let module = String(parameter.name.prefix { $0 != "." })
            if !modules.contains(module) { modules.append(module) }
        }
        return modules
    }

    /// Which rows of the encoder's last layer are read.
    package var rows: TextEncoder.Rows {
        switch form {
        case .sequence(.first), .sequence(.pooler): .first
        case .sequence(.mean), .token, .span: .all
        }
    }

    /// logits[B, K] from hidden[T, C], or [T, K] if there is a row for each token
    package func logits(_ hidden: Variable, offsets: [Int], on tape: Tape) -> Variable {
        var pooled: Variable
        switch form {
        case .sequence(.mean): pooled = tape.meanRows(hidden, offsets: offsets)
        case .sequence(.first), .sequence(.pooler): pooled = tape.firstRows(hidden, offsets: offsets)
        case .token, .span: pooled = hidden
        }
        if let pooler {
            pooled = tape.tanh(tape.linear(pooled, weight: pooler.weight, bias: pooler.bias))
        } else if let dense {
            if dense.dropsInput { pooled = tape.dropout(pooled, probability: dropout) }
            pooled = tape.activation(
                dense.activation, tape.linear(pooled, weight: dense.weight, bias: dense.bias))
        }
        return tape.linear(tape.dropout(pooled, probability: dropout), weight: weight, bias: bias)
    }
}
