import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// The tiny random models of scripts/goldens/encoders_parity.py: hidden states, logits and every gradient by PyTorch.
@Suite struct EncoderParityTests {
    private struct Case {
        let backbone: any Backbone
        let head: SequenceHead
        let sequences: [(ids: [Int32], types: [Int32], label: Int32)]
        let expected: TensorStore

        init(_ name: String) throws {
            let folder = Golden.url("encoders/\(name)/model")
            backbone = try PretrainedModel.open(folder).openBackbone()
            head = try SequenceHead(
                backbone: backbone, outputs: 3, pooling: .pooler, dropout: 0,
                stream: RandomStream(seed: 0, purpose: "overwritten"))
            let weights = try TensorStore(modelFolder: folder)
            for parameter in head.parameters {
                parameter.values.copyValues(from: try weights.floats(parameter.name))
            }
            sequences = try Golden.sequences(Golden.json("encoders/\(name)/batch.json"))
            expected = try Golden.tensors("encoders/\(name)/expected.safetensors")
        }

        var batch: PackedBatch { PackedBatch(sequences.map { ($0.ids, $0.types) }) }
    }

    private static let names = [
        "roberta", "distilbert", "electra", "albert", "deberta", "deberta-own-projections", "deberta-c2p",
        "deberta-p2c", "mpnet",
    ]

    // PyTorch's own Float32 error is 1e-6 on models of this size; 1e-5 leaves room for another summation order.
    @Test(arguments: names) func hiddenStatesAndLogits(name: String) throws {
        let model = try Case(name)
        let tape = Tape(evaluatingWith: BufferPool())
        let batch = model.batch
        var hidden: [[Float]] = []
        let last = model.backbone.hiddenStates(batch, rows: .all, recomputing: false, on: tape) {
            hidden.append($1.value.values)
        }
        #expect(hidden.count == model.backbone.sizes.layers + 1)
        for (index, values) in hidden.enumerated() {
            let expected = try model.expected.floats("hidden.\(index)")
            #expect(relativeError(values, expected) < 1e-5, "hidden \(index)")
        }
        let logits = model.head.logits(last, offsets: batch.offsets, on: tape)
        #expect(relativeError(logits.value.values, try model.expected.floats("logits")) < 1e-5)
        #expect(model.backbone.unusedWeights.allSatisfy { $0.hasPrefix("classifier") || $0.hasPrefix("p") })
    }

    // Relative to each tensor's largest element; what is zero in exact arithmetic (keys' biases) is rounding noise. The
    // whole encoder trains here, so layers that share weights (ALBERT) add up their gradients.
    @Test(arguments: names, [false, true]) func everyGradient(name: String, recomputing: Bool) throws {
        let model = try Case(name)
        let parameters = model.backbone.weights.map { $0.thaw() } + model.head.parameters
        let vector = ParameterVector(parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let batch = model.batch
        let hidden = model.backbone.hiddenStates(batch, rows: .first, recomputing: recomputing, on: tape)
        let logits = model.head.logits(hidden, offsets: Array(0...batch.sequences), on: tape)
        _ = tape.crossEntropy(
            logits, labels: model.sequences.map(\.label), divisor: Double(model.sequences.count))
        tape.backward()
        let known = model.expected.tensors.map(\.name).filter { $0.hasPrefix("grad.") }
        #expect(Set(known) == Set(parameters.map { "grad.\($0.name)" }))
        for parameter in parameters {
            let range = vector.range(of: parameter)
            let ours = Array(
                UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count))
            let theirs = try model.expected.floats("grad.\(parameter.name)")
            let absolute = zip(ours, theirs).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(
                relativeError(ours, theirs) < 1e-4 || absolute < 1e-6,
                "\(parameter.name): \(relativeError(ours, theirs)) relative, \(absolute) absolute")
        }
    }

    @Test func whatEachOffers() throws {
        let cases = try Self.names.map { try Case($0) }
        // RoBERTa's and MPNet's first two of 34 position rows belong to padding.
        #expect(cases.map(\.backbone.sizes.positions) == [32, 32, 32, 32, 32, 32, 32, 32, 32])
        #expect(cases.map(\.backbone.linearLayers.count) == [12, 12, 12, 6, 12, 12, 6, 6, 12])
        #expect(
            cases.compactMap(\.backbone.linearLayers.first?.modulePath) == [
                "roberta.encoder.layer.0.attention.self.query",
                "distilbert.transformer.layer.0.attention.q_lin",
                "electra.encoder.layer.0.attention.self.query",
                "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.query",
                "deberta.encoder.layer.0.attention.self.query_proj",
                "deberta.encoder.layer.0.attention.self.query_proj",
                "deberta.encoder.layer.0.attention.self.query_proj",
                "deberta.encoder.layer.0.attention.self.query_proj",
                "mpnet.encoder.layer.0.attention.attn.q",
            ])
        #expect(
            cases.map(\.head.modules) == [
                ["classifier"], ["pre_classifier", "classifier"], ["classifier"], ["classifier"],
                ["pooler", "classifier"], ["pooler", "classifier"], ["pooler", "classifier"],
                ["pooler", "classifier"], ["classifier"],
            ])
    }

    /// RoBERTa has one token type, whatever a tokenizer calls the second text.
    @Test func anotherTypeThanTheOnlyOneCountsAsIt() throws {
        let model = try Case("roberta")
        func hidden(_ type: Int32) -> [Float] {
            let sequence = model.sequences[2]
            let batch = PackedBatch([(sequence.ids, sequence.ids.map { _ in type })])
            return model.backbone.hiddenStates(batch, on: Tape(evaluatingWith: BufferPool())).value.values
        }
        #expect(hidden(0) == hidden(1))
    }
}
