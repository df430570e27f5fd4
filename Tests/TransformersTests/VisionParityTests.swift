import Autodiff
import Foundation
import GoldenFiles
import GoldenModels
import Images
import Matrices
import ModelFiles
import Testing
import Transformers

/// The tiny random models of scripts/goldens/vision_parity.py: hidden states, logits and every gradient by PyTorch, also of images
/// of another size than the positions were learned for.
@Suite struct VisionParityTests {
    static let names = ["vit", "vit-plain", "deit", "dinov2", "dinov2-gated", "dinov2-registers"]

    // PyTorch's own Float32 error is 1e-6 on models of this size; 1e-5 leaves room for another summation order.
    @Test(arguments: names) func hiddenStatesAndLogits(name: String) throws {
        let model = try VisionModel(name)
        let tape = Tape(evaluatingWith: BufferPool())
        let batch = try model.batch()
        var hidden: [[Float]] = []
        let last = model.backbone.hiddenStates(batch, rows: .all, recomputing: false, on: tape) {
            hidden.append($1.value.values)
        }
        #expect(hidden.count == model.backbone.sizes.layers + 1)
        for (index, values) in hidden.enumerated() {
            let expected = try model.expected.floats("hidden.\(index)")
            #expect(relativeError(values, expected) < 1e-5, "hidden \(index)")
        }
        #expect(relativeError(last.value.values, try model.expected.floats("last")) < 1e-5)
        let logits = model.head.logits(last, offsets: batch.offsets, on: tape)
        #expect(relativeError(logits.value.values, try model.expected.floats("logits")) < 1e-5)
        #expect(model.backbone.unusedWeights.allSatisfy { $0.hasPrefix("classifier.") })
    }

    // Relative to each tensor's largest element; what is zero in exact arithmetic (keys' biases) is rounding noise. The
    // classifier reads first rows where it can do with them.
    @Test(arguments: names, [false, true]) func everyGradient(name: String, recomputing: Bool) throws {
        let model = try VisionModel(name)
        let parameters = model.backbone.weights.map { $0.thaw() } + model.head.parameters
        let vector = ParameterVector(parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let batch = try model.batch()
        let hidden = model.backbone.hiddenStates(
            batch, rows: model.head.rows, recomputing: recomputing, on: tape)
        let offsets = model.head.rows == .all ? batch.offsets : Array(0...batch.sequences)
        _ = tape.crossEntropy(
            model.head.logits(hidden, offsets: offsets, on: tape), labels: model.labels,
            divisor: Double(model.labels.count))
        tape.backward()
        let known = Set(model.expected.tensors.map(\.name).filter { $0.hasPrefix("grad.") })
        let own = Set(parameters.map { "grad.\($0.name)" })
        let unread = own.subtracting(known)
        #expect(known.isSubset(of: own) && unread.allSatisfy { $0.hasSuffix("embeddings.mask_token") })
        for parameter in parameters {
            let ours = vector.range(of: parameter).map { gradients.pointer[$0] }
            guard known.contains("grad.\(parameter.name)") else {
                #expect(ours.allSatisfy { $0 == 0 })
                continue
            }
            let theirs = try model.expected.floats("grad.\(parameter.name)")
            let absolute = zip(ours, theirs).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(
                relativeError(ours, theirs) < 1e-4 || absolute < 1e-6,
                "\(parameter.name): \(relativeError(ours, theirs)) relative, \(absolute) absolute")
        }
    }

    /// 20 × 8 pixels where positions are for 12 × 12: more rows of patches, and fewer columns. PyTorch takes the factors in
    /// Float32, which is another 1e-7.
    @Test(arguments: names) func positionsOfAnotherSize(name: String) throws {
        let model = try VisionModel(name)
        let positions = try #require(
            model.backbone.weights.first { $0.name.hasSuffix("position_embeddings") })
        let vector = ParameterVector([positions.thaw()])
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let batch = try model.batch("other.pixels")
        let leading = try #require(model.backbone.imageInput?.leading)
        #expect(batch.offsets == [0, leading + 10, 2 * (leading + 10)])
        let hidden = model.backbone.hiddenStates(batch, on: tape)
        #expect(relativeError(hidden.value.values, try model.expected.floats("other.last")) < 1e-5)
        let logits = model.head.logits(hidden, offsets: batch.offsets, on: tape)
        #expect(relativeError(logits.value.values, try model.expected.floats("other.logits")) < 1e-5)
        let ones = Matrix(rows: logits.rows, columns: logits.columns)
        ones.fill(1)
        logits.gradient = ones
        tape.backward()
        #expect(relativeError(gradients.values, try model.expected.floats("other.positions")) < 1e-4)
    }

    /// Files of transformers 4 and 5 have other names than its classes of today.
    @Test func bothSpellingsOfModules() throws {
        func logits(_ model: VisionModel) throws -> [Float] {
            let (tape, batch) = (Tape(evaluatingWith: BufferPool()), try model.batch())
            let hidden = model.backbone.hiddenStates(batch, on: tape)
            return model.head.logits(hidden, offsets: batch.offsets, on: tape).value.values
        }
        let (stored, today) = (try VisionModel("vit"), try VisionModel("vit", model: "renamed"))
        #expect(try logits(stored) == logits(today))
        #expect(stored.backbone.weights.map(\.name) == today.backbone.weights.map(\.name))
        let files = try ["model", "renamed"].map {
            try TensorStore(modelFolder: Golden.url("vision/vit/\($0)"))
        }
        #expect(files[0].names.contains("vit.encoder.layer.1.attention.attention.query.weight"))
        #expect(files[1].names.contains("vit.layers.1.attention.q_proj.weight"))
        let architecture = Architecture.vit
        #expect(Set(files[0].names.map(architecture.moduleName)) == Set(files[1].names))
        #expect(Set(files[1].names.map(architecture.storedName)) == Set(files[0].names))
        // What has the right names already keeps them.
        #expect(files[1].names.map(architecture.moduleName) == files[1].names)
        #expect(files[0].names.map(architecture.storedName) == files[0].names)
    }

    @Test func whatEachOffers() throws {
        let cases = try Self.names.map { try VisionModel($0) }
        #expect(cases.map(\.backbone.linearLayers.count) == [12, 12, 12, 12, 7, 6])
        #expect(
            cases.compactMap(\.backbone.linearLayers.last?.modulePath) == [
                "vit.layers.1.mlp.fc2", "vit.layers.1.mlp.fc2", "deit.layers.1.mlp.fc2",
                "dinov2.encoder.layer.1.mlp.fc2", "dinov2.encoder.layer.0.mlp.down_proj",
                "dinov2_with_registers.encoder.layer.0.mlp.fc2",
            ])
        #expect(cases.compactMap(\.backbone.imageInput?.leading) == [1, 1, 2, 1, 1, 3])
        #expect(
            cases.allSatisfy {
                Set($0.backbone.architecture.roles) == Set($0.backbone.linearLayers.map(\.site.role))
            })
        #expect(cases.map(\.head.modules) == Array(repeating: ["classifier"], count: 6))
        #expect(cases.map(\.head.weight.columns) == [16, 16, 16, 32, 32, 32])
        #expect(cases.allSatisfy { $0.head.peftTask == nil && $0.backbone.startCache() == nil })
        func name(_ type: String) -> String? {
            Architecture.className(modelType: type, head: .sequence(.pooler))
        }
        #expect(name("vit") == "ViTForImageClassification")
        #expect(name("dinov2_with_registers") == "Dinov2WithRegistersForImageClassification")
        #expect(Architecture.className(modelType: "dinov2", head: .sequence(.mean)) == "Dinov2Model")
    }

    /// Whether a batch has one image or many, in whatever order, each has the bits that it has alone.
    @Test(arguments: names) func imagesDoNotSeeEachOther(name: String) throws {
        let model = try VisionModel(name)
        let (input, images) = (
            try #require(model.backbone.imageInput), try VisionModel.images(model.expected, "pixels")
        )
        func hidden(_ images: [PixelImage]) -> [Float] {
            let tape = Tape(evaluatingWith: BufferPool(), byRow: true)
            return model.backbone.hiddenStates(PackedBatch(images, input), on: tape).value.values
        }
        #expect(hidden(images) == images.flatMap { hidden([$0]) })
    }

    /// A factor of 1 changes nothing, another one does, in every layer and on first rows alone.
    @Test(arguments: names) func blockAdaptersSeeEveryPart(name: String) throws {
        let model = try VisionModel(name)
        let (backbone, batch) = (model.backbone, try model.batch())
        func hidden(_ rows: HiddenRows = .all) -> [Float] {
            backbone.hiddenStates(batch, rows: rows, on: Tape(evaluatingWith: BufferPool())).value.values
        }
        let plain = hidden()
        for layer in 0..<backbone.sizes.layers {
            backbone.hooks.blocks = [layer: Scaling(1)]
            // The identity is a product, which may round otherwise.
            #expect(relativeError(hidden(), plain) < 1e-5, "layer \(layer)")
            backbone.hooks.blocks = [layer: Scaling(0.5)]
            let other = hidden()
            #expect(relativeError(other, plain) > 1e-3, "layer \(layer)")
            let firsts = batch.offsets.dropLast().flatMap { other[$0 * 16..<($0 + 1) * 16] }
            #expect(relativeError(hidden(.first), firsts) < 1e-5, "layer \(layer)")
        }
    }

    /// Weights that nobody trained have the names and shapes of a checkpoint, begin as transformers' do, and hang on the seed.
    @Test(arguments: names.filter { $0 != "dinov2-gated" }) func initialWeights(name: String) throws {
        let folder = Golden.url("vision/\(name)/model")
        let config = try HFFolder(folder).config
        let architecture = try Architecture.of(config)
        let backbone = try architecture.untrainedBackbone(config, seed: 4)
        let store = try TensorStore(modelFolder: folder)
        let stored = store.tensors.filter { !$0.name.hasPrefix("classifier") }
        let own = Dictionary(
            uniqueKeysWithValues: backbone.weights.map { (architecture.storedName($0.name), $0) })
        #expect(Set(own.keys) == Set(stored.map(\.name)))
        for info in stored { #expect(own[info.name]?.savedShape == info.shape, "\(info.name)") }
        for weight in backbone.weights {
            let values = weight.floats
            let isNorm = weight.name.contains("norm") && weight.name.hasSuffix(".weight")
            let isZero =
                weight.name.hasSuffix(".bias") || weight.name.hasSuffix("mask_token")
                || weight.name.hasSuffix("register_tokens")
                || (name == "deit" && weight.name.hasPrefix("deit.embeddings.")
                    && !weight.name.contains("patch"))
            if isNorm || weight.name.hasSuffix("lambda1") {
                #expect(values.allSatisfy { $0 == 1 }, "\(weight.name)")
            } else if isZero {
                #expect(values.allSatisfy { $0 == 0 }, "\(weight.name)")
            } else {
                let square = values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(values.count)
                // Of as few as 16 numbers the deviation is known to a third.
                #expect(
                    abs(square.squareRoot() / 0.02 - 1) < (values.count > 200 ? 0.15 : 0.6), "\(weight.name)")
            }
        }
        func query(_ backbone: any Backbone) -> [Float] { backbone.linearLayers[0].weight.floats }
        let others = try [4, 5].map { try architecture.untrainedBackbone(config, seed: $0) }
        #expect(query(others[0]) == query(backbone) && query(others[1]) != query(backbone))
        let text = try HFFolder(Golden.url("bert/model")).config
        let error = #expect(throws: ModelFileError.self) {
            try Architecture.of(text).untrainedBackbone(text, seed: 1)
        }
        #expect("\(try #require(error))".contains("\"bert\" is not begun here"))
    }

    @Test(arguments: [
        (
            "vit", #""num_channels": 1"#,
            "the weight has shape [16, 3, 4, 4], config.json asks for [16, 1, 4, 4]"
        ),
        (
            "vit", #""patch_size": 16"#,
            "patch_size: patches of 16 × 16 pixels are larger than images of 12 × 12"
        ),
        ("vit", #""image_size": [12]"#, "key 'image_size': neither a whole number nor two"),
        ("vit", #""image_size": 16"#, "the weight has shape [1, 10, 16], config.json asks for [1, 17, 16]"),
        ("vit", #""hidden_act": "gelu_10""#, "hidden_act: \"gelu_10\" is not supported"),
        ("vit", #""head_dim": 4"#, "head_dim: 4 is not supported"),
        ("vit", #""num_attention_heads": 3"#, "a width of 16 does not divide into 3 heads"),
        ("vit", #""qkv_bias": false, "intermediate_size": 8"#, "config.json asks for [8, 16]"),
        ("dinov2", #""use_swiglu_ffn": true"#, "mlp.gate_proj.weight: this weight is missing"),
        ("dinov2", #""mlp_ratio": 0.001"#, "key 'mlp_ratio': 0.001 is outside"),
        ("dinov2-registers", #""num_register_tokens": 3"#, "config.json asks for [1, 3, 16]"),
    ])
    func whatIsNotComputedIsRefused(model: String, entries: String, message: String) throws {
        let members = try JSONValue.parse("{\(entries)}").object?.members ?? []
        let edited = try EditedModel("vision/\(model)", entries: members)
        let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
        #expect("\(try #require(error))".contains(message), "\(String(describing: error))")
    }

    @Test(arguments: names) func everyKeyIsKnown(name: String) throws {
        let config = try HFFolder(Golden.url("vision/\(name)/model")).config
        _ = try Architecture.of(config).sizes(config)
        #expect(config.unreadKeys.isEmpty, "\(config.unreadKeys)")
    }
}
