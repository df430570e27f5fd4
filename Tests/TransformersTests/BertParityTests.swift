import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// The tiny random BERT of scripts/goldens/bert_parity.py: hidden states, logits, loss and every gradient.
@Suite struct BertParityTests {
    private static func head(_ backbone: any Backbone, outputs: Int) throws -> SequenceHead {
        let head = try SequenceHead(
            backbone: backbone, outputs: outputs, pooling: .pooler, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        let weights = try TensorStore(modelFolder: Golden.url("bert/model"))
        head.weight.values.copyValues(from: try weights.floats("classifier.weight"))
        head.bias.values.copyValues(from: try weights.floats("classifier.bias"))
        return head
    }

    // PyTorch itself differs by 1.1e-6 between Float32 and Float64 here; 1e-5 leaves room for another summation
    // order.
    @Test func hiddenStatesLogitsAndLoss() throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let expected = try Golden.tensors("bert/expected.safetensors")
        let sequences = try Golden.sequences(Golden.json("bert/batch.json"))
        let head = try Self.head(backbone, outputs: 5)
        let tape = Tape(evaluatingWith: BufferPool())
        let batch = PackedBatch(sequences.map { ($0.ids, $0.types) })
        var hidden: [[Float]] = []
        let last = backbone.hiddenStates(batch, rows: .all, recomputing: false, on: tape) { _, variable in
            hidden.append(variable.value.values)
        }
        #expect(hidden.count == 3)
        for (index, values) in hidden.enumerated() {
            #expect(relativeError(values, try expected.floats("hidden.\(index)")) < 1e-5, "hidden \(index)")
        }
        let logits = head.logits(last, offsets: batch.offsets, on: tape)
        #expect(relativeError(logits.value.values, try expected.floats("logits")) < 1e-5)
        let loss = tape.crossEntropy(logits, labels: sequences.map(\.label), divisor: Double(sequences.count))
        let expectedLoss = try #require(Golden.json("bert/expected.json")["loss"]?.double)
        #expect(abs(loss - expectedLoss) < 1e-5 * expectedLoss)
    }

    // Gradients of the mean loss by PyTorch; relative to each tensor's largest element. A gradient that is zero
    // in exact arithmetic (keys' biases: softmax ignores a shift) is rounding noise, so 1e-6 absolute is allowed.
    @Test func everyGradient() throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let expected = try Golden.tensors("bert/expected.safetensors")
        let sequences = try Golden.sequences(Golden.json("bert/batch.json"))
        let head = try Self.head(backbone, outputs: 5)
        let parameters = backbone.weights.map { $0.thaw() } + [head.weight, head.bias]
        let vector = ParameterVector(parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let batch = PackedBatch(sequences.map { ($0.ids, $0.types) })
        let logits = head.logits(backbone.hiddenStates(batch, on: tape), offsets: batch.offsets, on: tape)
        _ = tape.crossEntropy(logits, labels: sequences.map(\.label), divisor: Double(sequences.count))
        tape.backward()
        var checked = 0
        for parameter in parameters {
            let range = vector.range(of: parameter)
            let ours = Array(
                UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count))
            let theirs = try expected.floats("grad.\(parameter.name)")
            let absolute = zip(ours, theirs).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(
                relativeError(ours, theirs) < 1e-4 || absolute < 1e-6,
                "\(parameter.name): \(relativeError(ours, theirs)) relative, \(absolute) absolute")
            checked += 1
        }
        #expect(checked == 41)
        #expect(expected.tensors.filter { $0.name.hasPrefix("grad.") }.count == checked)
    }

    /// The last layer on first rows only: the same rows, and the same gradients of everything below and in it.
    @Test func firstRowsAlone() throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let sequences = try Golden.sequences(Golden.json("bert/batch.json"))
        let head = try Self.head(backbone, outputs: 5)
        let vector = ParameterVector(backbone.weights.map { $0.thaw() } + [head.weight, head.bias])
        let batch = PackedBatch(sequences.map { ($0.ids, $0.types) })
        func run(_ rows: HiddenRows) -> (logits: [Float], gradients: [Float]) {
            let gradients = Matrix(rows: 1, columns: vector.count)
            let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
            let hidden = backbone.hiddenStates(batch, rows: rows, on: tape)
            let logits = head.logits(
                hidden, offsets: rows == .first ? Array(0...batch.sequences) : batch.offsets, on: tape)
            let values = logits.value.values
            _ = tape.crossEntropy(logits, labels: sequences.map(\.label), divisor: Double(sequences.count))
            tape.backward()
            return (values, gradients.values)
        }
        let (all, first) = (run(.all), run(.first))
        // Products of fewer rows may sum in another order: roundings of Float32.
        #expect(relativeError(first.logits, all.logits) < 1e-6)
        #expect(relativeError(first.gradients, all.gradients) < 1e-5)
    }

    /// The real MiniLM-L6 against PyTorch's hidden states; PyTorch's own Float32 error is 2.3e-6.
    @Test func realMiniLM() throws {
        let folder = Golden.repository.appendingPathComponent("models/minilm")
        try #require(
            FileManager.default.fileExists(atPath: folder.path),
            "models/minilm is missing: run scripts/fetch-minilm.sh")
        let backbone = try PretrainedModel.open(folder).openBackbone()
        let expected = try Golden.tensors("minilm/expected.safetensors")
        let sequences = try Golden.sequences(Golden.json("minilm/batch.json"))
        let tape = Tape(evaluatingWith: BufferPool())
        let batch = PackedBatch(sequences.map { ($0.ids, $0.types) })
        var hidden: [Int: [Float]] = [:]
        let last = backbone.hiddenStates(batch, rows: .all, recomputing: false, on: tape) {
            hidden[$0] = $1.value.values
        }
        for layer in [0, 1, 3, 6] {
            let error = zip(hidden[layer] ?? [], try expected.floats("hidden.\(layer)")).reduce(Float(0)) {
                max($0, abs($1.0 - $1.1))
            }
            #expect(error < 1e-4 && hidden[layer] != nil, "layer \(layer): largest difference \(error)")
        }
        let pooler = try #require(backbone.pooler)
        let pooled = tape.tanh(
            tape.linear(
                tape.firstRows(last, offsets: batch.offsets), weight: pooler.weight, bias: pooler.bias))
        #expect(relativeError(pooled.value.values, try expected.floats("pooled")) < 1e-4)
    }

    /// Packing must not matter: a sequence alone and in company has the same hidden states.
    @Test func sequencesDoNotSeeEachOther() throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let sequences = try Golden.sequences(Golden.json("bert/batch.json")).map { ($0.ids, $0.types) }
        let together = PackedBatch(sequences)
        let tape = Tape(evaluatingWith: BufferPool())
        let all = backbone.hiddenStates(together, on: tape).value
        for (index, sequence) in sequences.enumerated() {
            let alone = backbone.hiddenStates(PackedBatch([sequence]), on: tape).value.values
            let start = together.offsets[index] * all.columns
            let slice = Array(all.values[start..<start + alone.count])
            // Products of other sizes may sum in another order.
            #expect(relativeError(slice, alone) < 1e-5)
        }
    }
}
