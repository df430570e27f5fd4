import Autodiff
import Foundation
import GoldenFiles
import GoldenModels
import Images
import Matrices
import ModelFiles
import Testing
import Transformers

/// The tiny random models of scripts/goldens/pairs_parity.py: both towers' hidden states, rows, logits, loss and every gradient by
/// PyTorch, also of images of another size than the positions were learned for.
@Suite struct PairParityTests {
    static let names = ["clip", "clip-earlier", "siglip"]

    /// A text's row is e^scale times its embedding with the bias of logits behind it, an image's its embedding with a 1 behind it.
    private static func rows(_ model: PairModel, _ tensors: TensorStore, images: String) throws -> [Float] {
        func number(_ name: String) -> Float? { model.backbone.weights.first { $0.name == name }?.floats[0] }
        let factor = exp(try #require(number("logit_scale")))
        let bias = number("logit_bias")
        let texts = try tensors.floats("text_embeds").map { $0 * factor }
        let images = try tensors.floats(images)
        let width = model.pair.columns - (bias == nil ? 0 : 1)
        return model.texts.indices.flatMap { index in
            let own = index * width..<(index + 1) * width
            return texts[own] + (bias.map { [$0] } ?? []) + images[own] + (bias == nil ? [] : [1])
        }
    }

    // PyTorch's own Float32 error is 1e-6 on models of this size; 1e-5 leaves room for another summation order.
    @Test(arguments: names) func hiddenStatesRowsAndLogits(name: String) throws {
        let model = try PairModel(name)
        var hidden: [Variable] = []
        let tape = Tape(evaluatingWith: BufferPool())
        let rows = model.backbone.hiddenStates(
            try model.batch(), rows: .last, recomputing: false, on: tape
        ) { index, variable in
            #expect(index == hidden.count)
            hidden.append(variable)
        }
        let names = ["text", "vision"].flatMap { tower in
            (0...model.backbone.sizes.layers / 2).map { "\(tower).hidden.\($0)" }
        }
        #expect(hidden.count == names.count)
        for (variable, name) in zip(hidden, names) {
            let expected = try model.expected.floats(name)
            // Of the last layer only what is read is made: the last row of a text, the first of an image.
            let count = expected.count / variable.columns
            var read = Array(0..<count)
            if variable.rows != count {
                #expect(variable.rows == 4 && name.hasSuffix("\(model.backbone.sizes.layers / 2)"))
                let lengths = name.hasPrefix("text") ? model.texts.map(\.count) : [10, 10, 10, 10]
                let ends = lengths.indices.map { lengths[...$0].reduce(0, +) }
                read = name.hasPrefix("text") ? ends.map { $0 - 1 } : zip(ends, lengths).map { $0 - $1 }
            }
            let chosen = read.flatMap { expected[$0 * variable.columns..<($0 + 1) * variable.columns] }
            #expect(relativeError(variable.value.values, chosen) < 1e-5, "\(name)")
        }
        let expected = try Self.rows(model, model.expected, images: "image_embeds")
        #expect(relativeError(rows.value.values, expected) < 1e-5)
        let logits = model.logits(rows.value)
        #expect(relativeError(logits, try model.expected.floats("logits_per_image")) < 1e-5)
        #expect(model.backbone.unusedWeights.isEmpty)
        #expect(model.head.outputs == rows.columns && model.head.rows == .last && model.head.peftTask == nil)
        let read = model.head.logits(rows, offsets: Array(0...4), on: tape)
        #expect(read.value.values == rows.value.values)
    }

    // Relative to each tensor's largest element; what is zero in exact arithmetic (keys' biases) is rounding noise. Temperature and
    // bias get theirs through the rows.
    @Test(arguments: names, [false, true]) func everyGradient(name: String, recomputing: Bool) throws {
        let model = try PairModel(name)
        let parameters = model.backbone.weights.map { $0.thaw() }
        let vector = ParameterVector(parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let rows = model.backbone.hiddenStates(
            try model.batch(), rows: .last, recomputing: recomputing, on: tape)
        let (loss, gradient) = model.loss(rows.value)
        #expect(abs(loss - Double(try model.expected.floats("loss")[0])) < 1e-5 * loss)
        rows.gradient = gradient
        tape.backward()
        let known = Set(model.expected.tensors.map(\.name).filter { $0.hasPrefix("grad.") })
        #expect(known == Set(parameters.map { "grad.\($0.name)" }))
        for parameter in parameters {
            let ours = vector.range(of: parameter).map { gradients.pointer[$0] }
            let theirs = try model.expected.floats("grad.\(parameter.name)")
            let absolute = zip(ours, theirs).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(
                relativeError(ours, theirs) < 1e-4 || absolute < 1e-6,
                "\(parameter.name): \(relativeError(ours, theirs)) relative, \(absolute) absolute")
            #expect(parameter.savedShape == model.expected.info("grad.\(parameter.name)")?.shape)
        }
    }

    /// 20 × 8 pixels where positions are for 12 × 12. PyTorch takes the factors in Float32, which is another 1e-7.
    @Test(arguments: names) func positionsOfAnotherSize(name: String) throws {
        let model = try PairModel(name)
        let positions = try #require(
            model.backbone.weights.first {
                $0.name == "vision_model.embeddings.position_embedding.weight"
            })
        let vector = ParameterVector([positions.thaw()])
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let rows = model.backbone.hiddenStates(try model.batch("other.pixels"), rows: .last, on: tape)
        let expected = try Self.rows(model, model.expected, images: "other.image_embeds")
        #expect(relativeError(rows.value.values, expected) < 1e-5)
        #expect(
            relativeError(
                model.logits(rows.value), try model.expected.floats("other.logits_per_image")) < 1e-5)
        // Of the sum of all logits: each image's row gets the sum of all texts'.
        let (columns, gradient) = (
            model.pair.columns, Matrix(rows: rows.rows, columns: rows.columns)
        )
        for image in 0..<rows.rows {
            for text in 0..<rows.rows {
                for column in 0..<columns {
                    gradient.row(image)[columns + column] += rows.value.row(text)[column]
                }
            }
        }
        rows.gradient = gradient
        tape.backward()
        #expect(relativeError(gradients.values, try model.expected.floats("other.positions")) < 1e-4)
    }

    /// Texts alone and images alone have the rows that they have side by side.
    @Test(arguments: names) func eachTowerAlone(name: String) throws {
        let model = try PairModel(name)
        let (input, columns) = (try #require(model.backbone.imageInput), model.pair.columns)
        func rows(_ batch: PackedBatch) -> Matrix {
            model.backbone.hiddenStates(batch, rows: .last, on: Tape(evaluatingWith: BufferPool())).value
        }
        let both = rows(try model.batch())
        let texts = rows(PackedBatch(model.texts.map { ($0, $0.map { _ in 0 }) }))
        let images = rows(PackedBatch(try model.images(), input))
        #expect(both.columns == 2 * columns && texts.columns == columns && images.columns == columns)
        for row in 0..<both.rows {
            let values = UnsafeBufferPointer(start: both.row(row), count: both.columns)
            #expect(Array(values[..<columns]) == (0..<columns).map { texts.row(row)[$0] })
            #expect(Array(values[columns...]) == (0..<columns).map { images.row(row)[$0] })
        }
    }

    /// What stands behind the token that ends a text makes no difference where layers are causal; without one the first row is
    /// read, as transformers does, and of files whose `eos_token_id` is 2 the highest token's.
    @Test(arguments: ["clip", "clip-earlier"]) func theRowOfATextThatIsRead(name: String) throws {
        let backbone = try PairModel(name).backbone
        func row(_ ids: [Int32]) -> [Float] {
            backbone.hiddenStates(
                PackedBatch([(ids, ids.map { _ in 0 })]), rows: .last, on: Tape(evaluatingWith: BufferPool())
            ).value.values
        }
        #expect(row([4, 9, 59, 58, 59]) == row([4, 9, 59]))
        let other = name == "clip" ? row([4]) : row([4, 9])
        // A text without an end is computed whole, in products of other shapes.
        #expect(relativeError(row([4, 9, 3]), other) < 1e-5 && relativeError(other, row([4, 9, 59])) > 1e-3)
        // Beside one that has an end, each has the row that it has alone.
        let texts: [[Int32]] = [[4, 9, 3], [8, 59, 5], [7, 6, 5, 59]]
        let batch = PackedBatch(texts.map { ($0, $0.map { _ in 0 }) })
        let tape = Tape(evaluatingWith: BufferPool())
        let rows = backbone.hiddenStates(batch, rows: .last, on: tape)
        #expect(relativeError(rows.value.values, texts.flatMap(row)) < 1e-5)
    }

    @Test func whatEachOffers() throws {
        let models = try Self.names.map { try PairModel($0) }
        #expect(models.map(\.pair.columns) == [20, 20, 33])
        #expect(models.map(\.pair.loss) == [.softmax, .softmax, .sigmoid])
        #expect(models.map { $0.pair.filled?.length } == [nil, nil, 12])
        #expect(models[2].pair.filled?.id == 58)
        #expect(models.map(\.backbone.linearLayers.count) == [24, 12, 24])
        #expect(models.map(\.backbone.sizes.layers) == [4, 2, 4])
        #expect(models.map(\.backbone.sizes.hidden) == [40, 40, 66])
        #expect(models.map(\.backbone.sizes.vocabulary) == [60, 60, 60])
        #expect(models.map(\.backbone.sizes.positions) == [12, 12, 12])
        #expect(models.map { $0.backbone.imageInput?.leading } == [1, 1, 0])
        #expect(models.allSatisfy { $0.backbone.frozenLayers == 0 && $0.backbone.outputMatrix == nil })
        let layers = models[0].backbone.linearLayers
        #expect(layers[0].modulePath == "text_model.encoder.layers.0.self_attn.q_proj")
        #expect("\(layers[0].site)" == "text.layer.0.query")
        #expect(layers[23].modulePath == "vision_model.encoder.layers.1.mlp.fc2")
        #expect("\(layers[23].site)" == "vision.layer.1.output")
        #expect(Set(layers.map(\.site)).count == 24)
        // Layers of the same number draw from streams of their own.
        var streams = [0, 12].map { layers[$0].site.stream(seed: 1, purpose: "adapter") }
        let drawn = streams.indices.map { streams[$0].next() }
        #expect(drawn[0] != drawn[1])
        #expect(Architecture.clip.roles == Architecture.siglip.roles && !Architecture.clip.isDecoder)
        #expect(Architecture.className(modelType: "clip", head: .pair) == "CLIPModel")
        #expect(Architecture.className(modelType: "siglip", head: .pair) == "SiglipModel")
    }

    /// Weights that nobody trained have the names and shapes of a checkpoint, and begin as transformers' do.
    @Test(arguments: ["clip", "siglip"]) func initialWeights(name: String) throws {
        let folder = Golden.url("pairs/\(name)/model")
        let config = try HFFolder(folder).config
        let backbone = try Architecture.of(config).untrainedBackbone(config, seed: 4)
        let store = try TensorStore(modelFolder: folder)
        let own = Dictionary(uniqueKeysWithValues: backbone.weights.map { ($0.name, $0) })
        #expect(Set(own.keys) == Set(store.names))
        for info in store.tensors { #expect(own[info.name]?.savedShape == info.shape, "\(info.name)") }
        func deviation(_ name: String) throws -> Double {
            let values = try #require(own[name]).floats
            return (values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(values.count)).squareRoot()
        }
        // By transformers' formulas, of a width of 24 and 32 with 2 layers: e.g. 24^-0.5 · (2 · 2)^-0.5
        let expected: [(String, Double)] =
            name == "clip"
            ? [
                ("text_model.encoder.layers.0.self_attn.q_proj.weight", 0.10206),
                ("text_model.encoder.layers.1.self_attn.out_proj.weight", 0.20412),
                ("text_model.encoder.layers.1.mlp.fc1.weight", 0.14434),
                ("vision_model.encoder.layers.0.mlp.fc2.weight", 0.08839),
                ("text_model.embeddings.token_embedding.weight", 0.02),
                ("vision_model.embeddings.patch_embedding.weight", 0.02),
                ("text_projection.weight", 0.20412), ("visual_projection.weight", 0.17678),
            ]
            : [
                ("text_model.encoder.layers.0.self_attn.q_proj.weight", 0.20412),
                ("vision_model.encoder.layers.1.mlp.fc1.weight", 0.17150),
                ("text_model.embeddings.token_embedding.weight", 0.20412),
                ("vision_model.embeddings.position_embedding.weight", 0.17678),
                ("vision_model.embeddings.patch_embedding.weight", 0.16409),
                ("vision_model.head.attention.in_proj_weight", 0.125),
                ("text_model.head.weight", 0.23206),
            ]
        // The deviation of a few hundred numbers is known to a tenth.
        for (name, expected) in expected {
            let found = try deviation(name)
            #expect(abs(found / expected - 1) < 0.15, "\(name): \(found)")
        }
        let scale = try #require(own["logit_scale"]).floats
        #expect(scale == [name == "clip" ? 2.6592 : 0] && (own["logit_bias"]?.floats ?? [0]) == [0])
        for weight in backbone.weights where weight.name.contains("norm") {
            #expect(weight.floats.allSatisfy { $0 == (weight.name.hasSuffix(".weight") ? 1 : 0) })
        }
    }
}
