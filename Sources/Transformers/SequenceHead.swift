import Autodiff
import Matrices
import Messages

/// A form of head that a model cannot have.
package struct HeadError: Error, CustomStringConvertible {
    package let description: String

    static let missingPooler = HeadError(
        description:
            "the model has no pooler.dense weights, which pooling: pooler needs; take a checkpoint with them, or train "
            + "with another head (adalora train \(SettingName.pooling) mean or first)")
    static func missingOutput(_ architecture: Architecture) -> HeadError {
        HeadError(
            description:
                "the checkpoint has no \(architecture.outputName(.vocabulary)).weight, and is the model without its "
                + "output matrix; take the checkpoint of the whole language model")
    }
    static func notClassifying(_ name: String) -> HeadError {
        HeadError(
            description:
                "\(name): this version has no classifiers on models of this kind; use another, or train the language "
                + "model (adalora train \(SettingName.task) causal-lm)")
    }
    static func notOnTokens(_ name: String) -> HeadError {
        HeadError(
            description:
                "\(name): this version has no heads on the tokens of decoders, which do not see what follows; use an "
                + "encoder, or a task that answers for a whole row (adalora train \(SettingName.task))")
    }
    static func notOnPatches(_ name: String) -> HeadError {
        HeadError(
            description:
                "\(name): the model reads images, which have no words that a head could answer for; use a task of images "
                + "(adalora train \(SettingName.task) image-classification)")
    }
    static func otherPooling(_ pooling: Pooling, _ architecture: Architecture) -> HeadError {
        let usual = architecture.ownPooling.rawValue
        let problem =
            architecture.isDecoder
            ? "a decoder has no pooler, and its first row sees nothing of the others"
            : "the last row of an encoder is that of a separator"
        return HeadError(
            description:
                "\(architecture.name): pooling \(pooling.rawValue) is not supported: \(problem); take "
                + "another (adalora train \(SettingName.pooling) \(usual) or mean)")
    }
    static func notOfTwoTowers(_ name: String) -> HeadError {
        HeadError(
            description:
                "\(name): the model has not two towers, one for texts and one for images; use one that has (clip, siglip), or "
                + "another task (adalora train \(SettingName.task))")
    }
    static func onlyPairs(_ name: String) -> HeadError {
        HeadError(
            description:
                "\(name): the model reads texts and images side by side, and this version has no classifiers on one of its "
                + "towers; use adalora train \(SettingName.task) image-text")
    }
    package static func notSpeaking(_ name: String) -> HeadError {
        HeadError(
            description:
                "\(name): the model gives no next words; use a decoder, or another task (adalora train \(SettingName.task))"
        )
    }
}

/// Pooling, dropout and a linear layer to K classes, or to one score; or dropout and a linear layer on every token; or the
/// model's own output matrix.
package final class SequenceHead: Sendable {
    package let form: HeadForm
    package let dropout: Float
    private let output: Output
    private let pooler: Dense?
    /// Rows of a sequence that stand before those of its patches, where the head reads the mean of these beside the first; nil
    /// for all other heads.
    private let rowsBeforeMean: Int?
    /// Of `task_type` in PEFT's adapter_config.json; nil where its own classes know no such task.
    package let peftTask: String?
    /// `[C, C]` and `[1, C]`, of the head's own, trained with it
    private let dense: (weight: Parameter, bias: Parameter, activation: DenseActivation, dropsInput: Bool)?

    private enum Output {
        /// `[K, C]` and `[1, K]`, which heads of decoders have not
        case trained(weight: Parameter, bias: Parameter?)
        /// `[V, C]`, of the model, and what becomes of its products
        case own(Weight, LogitTransform)
        /// The model's rows are what is read, so many columns.
        case none(columns: Int)
    }

    /// `[K, C]`, of a head that trains.
    package var weight: Parameter { trained.weight }
    /// `[1, K]`, of a head of an encoder that trains.
    package var bias: Parameter {
        guard let bias = trained.bias else { preconditionFailure("the head has no bias") }
        return bias
    }

    private var trained: (weight: Parameter, bias: Parameter?) {
        guard case .trained(let weight, let bias) = output else {
            preconditionFailure("the output matrix of the model is no trained head")
        }
        return (weight, bias)
    }

    /// `[K, C]`: the last matrix, trained or the model's own.
    package var outputMatrix: any Operand {
        switch output {
        case .trained(let weight, _): weight
        case .own(let weight, _): weight
        case .none: preconditionFailure("the model of a pair has no output matrix")
        }
    }

    /// What becomes of products with that matrix before they are logits.
    package var outputTransform: LogitTransform {
        if case .own(_, let transform) = output { transform } else { .identity }
    }

    /// K, or the words of the vocabulary.
    package var outputs: Int { if case .none(let columns) = output { columns } else { outputMatrix.rows } }

    /// Logits of each token; 0 where each sequence has some.
    package var tokenOutputs: Int { form.isPerToken ? outputs : 0 }

    /// Weights N(0, 0.02²), as BERT's initializer, and zero bias.
    package convenience init(
        backbone: any Backbone, outputs: Int, pooling: Pooling, dropout: Float, stream: RandomStream
    ) throws {
        try self.init(
            backbone: backbone, outputs: outputs, form: .sequence(pooling), dropout: dropout, stream: stream)
    }

    /// As above, for any form. Throws `HeadError` where the model cannot have it.
    ///
    /// - Parameter outputs: K; not read where the head is the model's own.
    package init(
        backbone: any Backbone, outputs: Int, form: HeadForm, dropout: Float, stream: RandomStream
    ) throws {
        let architecture = backbone.architecture
        self.form = form
        self.dropout = dropout
        peftTask = architecture.peftTask(form)
        if form == .pair {
            guard let pair = backbone.pair else { throw HeadError.notOfTwoTowers(architecture.name) }
            (output, pooler, dense) = (.none(columns: 2 * pair.columns), nil, nil)
            rowsBeforeMean = nil
            return
        }
        if backbone.pair != nil { throw HeadError.onlyPairs(architecture.name) }
        if form.isOwn {
            guard let own = backbone.outputMatrix else {
                throw architecture.isDecoder
                    ? HeadError.missingOutput(architecture) : HeadError.notSpeaking(architecture.name)
            }
            (output, pooler, dense) = (.own(own, backbone.outputTransform), nil, nil)
            rowsBeforeMean = nil
            return
        }
        let heads = try Self.heads(of: architecture, form)
        let name = architecture.outputName(form)
        let width = backbone.sizes.hidden
        var stream = stream
        let values = Matrix(rows: outputs, columns: architecture.headWidth(form, hidden: width))
        stream.fillNormal(values, deviation: 0.02)
        output = .trained(
            weight: Parameter(name: name + ".weight", values: values),
            bias: architecture.isDecoder
                ? nil : Parameter(name: name + ".bias", vector: Matrix(rows: 1, columns: outputs)))
        if form == .sequence(.pooler), case .firstAndMean = heads.classifier {
            rowsBeforeMean = backbone.imageInput?.leading ?? 1
        } else {
            rowsBeforeMean = nil
        }
        switch (form, heads.classifier) {
        case (.sequence(.pooler), .pooler):
            guard let own = backbone.pooler else { throw HeadError.missingPooler }
            (pooler, dense) = (own, nil)
        case (.sequence(.pooler), .dense(let name, let activation, let dropsInput)):
            let square = Matrix(rows: width, columns: width)
            stream.fillNormal(square, deviation: 0.02)
            pooler = nil
            dense = (
                Parameter(name: name + ".weight", values: square),
                Parameter(name: name + ".bias", vector: Matrix(rows: 1, columns: width)),
                activation, dropsInput
            )
        default: (pooler, dense) = (nil, nil)
        }
    }

    /// Throws unless a head of this form can stand on such a model.
    private static func heads(of architecture: Architecture, _ form: HeadForm) throws -> Architecture.Heads {
        guard let heads = architecture.heads else { throw HeadError.notClassifying(architecture.name) }
        switch form {
        case .sequence(let pooling):
            let isPossible =
                architecture.isDecoder ? pooling == .last || pooling == .mean : pooling != .last
            guard isPossible else { throw HeadError.otherPooling(pooling, architecture) }
        case .token, .span:
            if architecture.readsImages { throw HeadError.notOnPatches(architecture.name) }
            if architecture.isDecoder { throw HeadError.notOnTokens(architecture.name) }
        case .vocabulary, .pair: break
        }
        return heads
    }

    /// Sets the bias of a head that has not been trained, where it has one; one value an output.
    package func startBias(at values: [Float]) {
        precondition(values.count == outputs, "\(values.count) biases for \(outputs) outputs")
        guard let bias = trained.bias else { return }
        for (index, value) in values.enumerated() { bias.values.pointer[index] = value }
    }

    /// All that trains, by its name in transformers' sequence classifier.
    package var parameters: [Parameter] {
        guard case .trained(let weight, let bias) = output else { return [] }
        return (dense.map { [$0.weight, $0.bias] } ?? []) + [weight] + (bias.map { [$0] } ?? [])
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

    /// The dense layer between the row that is read and the last matrix: the model's pooler, or the head's own.
    var firstLayer: (weight: any Operand, bias: any Operand, isTanh: Bool)? {
        if let pooler { return (pooler.weight, pooler.bias, true) }
        return dense.map { ($0.weight, $0.bias, $0.activation == .tanh) }
    }

    /// Which rows of the backbone's last layer are read.
    package var rows: HiddenRows {
        switch form {
        case .sequence(.first): .first
        case .sequence(.pooler): rowsBeforeMean == nil ? .start : .all
        case .sequence(.last): .last
        case .sequence(.mean), .token, .span, .vocabulary: .all
        case .pair: .last
        }
    }

    /// [B, 2 · C]: the first row of each sequence, and the mean of those from row `before` on.
    private func firstAndMean(_ hidden: Variable, offsets: [Int], before: Int, on tape: Tape) -> Variable {
        var (rows, starts): ([Int], [Int]) = ([], [0])
        for (start, end) in zip(offsets, offsets.dropFirst()) {
            rows += start + before..<end
            starts.append(rows.count)
        }
        return tape.beside(
            tape.firstRows(hidden, offsets: offsets), tape.meanRows(tape.rows(hidden, rows), offsets: starts))
    }

    /// logits[B, K] from hidden[T, C], or [T, K] if there is a row for each token. A head on last rows gets these alone,
    /// [B, C]: only the model knows which tokens are padding.
    package func logits(_ hidden: Variable, offsets: [Int], on tape: Tape) -> Variable {
        var pooled: Variable
        switch form {
        case .sequence(.mean): pooled = tape.meanRows(hidden, offsets: offsets)
        case .sequence(.pooler) where rowsBeforeMean != nil:
            pooled = firstAndMean(hidden, offsets: offsets, before: rowsBeforeMean ?? 0, on: tape)
        case .sequence(.first), .sequence(.pooler): pooled = tape.firstRows(hidden, offsets: offsets)
        case .sequence(.last), .pair:
            precondition(
                hidden.rows == offsets.count - 1,
                "\(hidden.rows) rows of \(offsets.count - 1) sequences for a head on last rows")
            pooled = hidden
        case .token, .span, .vocabulary: pooled = hidden
        }
        if let pooler {
            pooled = tape.tanh(pooler(pooled, on: tape))
        } else if let dense {
            if dense.dropsInput { pooled = tape.dropout(pooled, probability: dropout) }
            pooled = tape.activation(
                dense.activation, tape.linear(pooled, weight: dense.weight, bias: dense.bias))
        }
        switch output {
        case .trained(let weight, let bias):
            return tape.linear(tape.dropout(pooled, probability: dropout), weight: weight, bias: bias)
        case .own(let weight, let transform):
            return tape.logits(tape.linear(pooled, weight: weight, bias: nil), transform)
        case .none: return pooled
        }
    }
}
