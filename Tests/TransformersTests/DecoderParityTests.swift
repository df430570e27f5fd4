import Autodiff
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Hidden states, logits, loss and gradients of tiny random decoders, as transformers has them.
@Suite struct DecoderParityTests {
    // PyTorch in Float32 is up to 4e-6 from Float64 here.
    @Test(arguments: DecoderGoldens.models) func hiddenStatesAndLogits(_ model: String) throws {
        let backbone = try DecoderGoldens.open(model)
        let expected = try Golden.tensors("decoders/\(model)/expected.safetensors")
        let batch = try DecoderGoldens.batch(model)
        let tape = Tape(evaluatingWith: BufferPool())
        var hidden: [[Float]] = []
        let last = backbone.hiddenStates(batch, rows: .all, recomputing: false, on: tape) { _, variable in
            hidden.append(variable.value.values)
        }
        #expect(hidden.count == backbone.sizes.layers + 1)
        for (index, values) in hidden.enumerated() {
            #expect(relativeError(values, try expected.floats("hidden.\(index)")) < 1e-5, "hidden \(index)")
        }
        let logits = try DecoderGoldens.head(backbone).logits(last, offsets: batch.offsets, on: tape)
        #expect(relativeError(logits.value.values, try expected.floats("logits")) < 1e-5)
        #expect(backbone.unusedWeights.isEmpty, "\(backbone.unusedWeights)")
    }

    /// Of every weight of the model: matrices, biases, norms and embeddings; also where layers run again.
    @Test(arguments: DecoderGoldens.models, [false, true])
    func lossAndEveryGradient(_ model: String, recomputing: Bool) throws {
        let backbone = try DecoderGoldens.open(model)
        let expected = try Golden.tensors("decoders/\(model)/expected.safetensors")
        let sequences = try DecoderGoldens.sequences(model)
        let vector = ParameterVector(backbone.weights.map { $0.thaw() })
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let hidden = backbone.hiddenStates(
            DecoderGoldens.packed(sequences), recomputing: recomputing, on: tape)
        let targets = DecoderGoldens.targets(sequences)
        let head = try DecoderGoldens.head(backbone)
        let loss = tape.vocabularyCrossEntropy(
            hidden, weight: head.outputMatrix, targets: targets,
            divisor: Double(targets.count { $0 != Tape.ignoredLabel }), transform: head.outputTransform)
        tape.backward()
        #expect(relativeError([Float(loss)], try expected.floats("loss")) < 1e-5)
        for parameter in vector.parameters {
            let range = vector.range(of: parameter)
            let ours = Array(
                UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count))
            let theirs = try expected.floats("grad.\(parameter.name)")
            // Without positions the bias of keys moves all scores alike: its gradient is 0, and both have its rounding.
            let isZero = theirs.allSatisfy { abs($0) < 1e-7 }
            #expect(
                isZero ? ours.allSatisfy { abs($0) < 1e-6 } : relativeError(ours, theirs) < 1e-4,
                "\(parameter.name)")
        }
        let count = expected.tensors.count { $0.name.hasPrefix("grad.") }
        #expect(vector.parameters.count == count)
    }

    /// Rows that somebody reads: the same values and gradients as of all rows, where the others have no target.
    @Test(arguments: DecoderGoldens.models, [[0, 6, 7, 31], [20], Array(4..<11), [0, 1, 2, 3]])
    func chosenRows(_ model: String, rows: [Int]) throws {
        let batch = try DecoderGoldens.batch(model)
        let all = try DecoderGoldens.chosen(rows, .all, DecoderGoldens.open(model), batch)
        let some = try DecoderGoldens.chosen(rows, .some(rows), DecoderGoldens.open(model), batch)
        let width = all.values.count / batch.tokens
        // Products of other numbers of rows may round otherwise.
        let expected = rows.flatMap { all.values[$0 * width..<($0 + 1) * width] }
        #expect(relativeError(some.values, expected) < 2e-6)
        #expect(relativeError(some.gradients, all.gradients) < 1e-5)
    }

    @Test(arguments: DecoderGoldens.models) func noRowsAtAll(_ model: String) throws {
        let tape = Tape(evaluatingWith: BufferPool())
        let backbone = try DecoderGoldens.open(model)
        let hidden = backbone.hiddenStates(try DecoderGoldens.batch(model), rows: .some([]), on: tape)
        #expect(hidden.rows == 0 && hidden.columns == backbone.sizes.hidden)
    }

    @Test(arguments: DecoderGoldens.models + ["rope"]) func everyKeyIsKnown(_ model: String) throws {
        let config = try HFFolder(Golden.url("decoders/\(model)/model")).config
        _ = try Architecture.of(config).sizes(config)
        #expect(config.unreadKeys.isEmpty, "\(config.unreadKeys)")
    }

    /// Rows of configs that say something else: as transformers computes them, rotary positions of every kind among them.
    @Test func configsAreFollowed() throws {
        let rows = try #require(try Golden.json("decoders/configs.json").array)
        let expected = try Golden.tensors("decoders/configs.safetensors")
        #expect(rows.count > 40 && expected.tensors.count == rows.count)
        for (number, row) in rows.enumerated() {
            let model = try #require(row["model"]?.string)
            let entries = try #require(row["entries"]?.object).members
            let absent = (row["absent"]?.array ?? []).compactMap(\.string)
            let edited = try EditedModel("decoders/\(model)", entries: entries, absent: absent)
            let sequences = try DecoderGoldens.sequences(model)
            let logits = try DecoderGoldens.logits(try edited.backbone(), sequences)
            var end = 0
            let last = sequences.flatMap { sequence in
                end += sequence.count
                return (max(end - 3, end - sequence.count)..<end).flatMap {
                    Array(UnsafeBufferPointer(start: logits.row($0), count: logits.columns))
                }
            }
            let error = relativeError(last, try expected.floats("logits.\(number)"))
            #expect(error < 1e-5, "row \(number): \(row) differs by \(error)")
        }
    }

    /// What turns queries and keys depends on a sequence's own length, not on that of the longest beside it.
    @Test(arguments: [
        #"{"rope_type": "dynamic", "factor": 2}"#,
        #"{"rope_type": "longrope", "short_factor": [1,1,1,1,1,1,1,1], "long_factor": [2,2,2,2,3,3,3,3], "original_max_position_embeddings": 16}"#,
    ])
    func aLongSequenceLeavesOthersAsTheyAre(rope: String) throws {
        let entry = (key: "rope_parameters", value: try JSONValue.parse(rope))
        let backbone = try EditedModel("decoders/rope", entries: [entry]).backbone()
        let sequences = [9, 30, 17, 24].map { length in (0..<length).map { Int32(3 + $0 * 11 % 50) } }
        let together = DecoderGoldens.hidden(backbone, sequences)
        var start = 0
        for sequence in sequences {
            let alone = DecoderGoldens.hidden(backbone, [sequence])
            let own = together.rows(start..<start + sequence.count)
            // Products of other numbers of rows may round otherwise.
            #expect(relativeError(alone.values, own.values) < 1e-6)
            start += sequence.count
        }
        let plain = try DecoderGoldens.open("rope")
        let other = DecoderGoldens.hidden(plain, [sequences[1]])
        #expect(relativeError(DecoderGoldens.hidden(backbone, [sequences[1]]).values, other.values) > 1e-3)
    }
}
