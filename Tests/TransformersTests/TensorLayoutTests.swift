import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Matrices that files have another way round than products want them.
@Suite struct TensorLayoutTests {
    private static func transposed(_ values: [Float], _ shape: [Int]) -> [Float] {
        (0..<shape[1]).flatMap { column in (0..<shape[0]).map { values[$0 * shape[1] + column] } }
    }

    private static func hidden(_ backbone: any Backbone) -> [Float] {
        let batch = PackedBatch([([5, 9, 40, 7], [0, 0, 0, 0]), ([3], [0])])
        return backbone.hiddenStates(batch, on: Tape(evaluatingWith: BufferPool())).value.values
    }

    private static func matrices(_ name: String) -> Bool {
        name.hasSuffix(".weight") && (name.contains(".attn.c_") || name.contains(".mlp.c_"))
    }

    /// Every tensor goes back with the shape and the values that it had, frozen, thawed and out of a file written so.
    @Test(arguments: [false, true]) func whatIsReadIsWhatIsWritten(thawed: Bool) throws {
        let store = try TensorStore(modelFolder: Golden.url("gpt2/model"))
        let backbone = try PretrainedModel.open(Golden.url("gpt2/model")).openBackbone()
        if thawed { for weight in backbone.weights { weight.thaw() } }
        let matrices = backbone.weights.filter(\.isStoredTransposed)
        #expect(matrices.map(\.name).allSatisfy { Self.matrices($0) } && matrices.count == 8)
        #expect(Set(backbone.weights.map(\.name)) == Set(store.tensors.map(\.name)))
        for weight in backbone.weights {
            let info = try #require(store.info(weight.name))
            let values = try store.floats(weight.name)
            #expect(weight.savedShape == info.shape && weight.savedFloats == values, "\(weight.name)")
        }
        let qkv = backbone.linearLayers[0]
        #expect(qkv.outputs == 48 && qkv.inputs == 16 && qkv.isConv1D && qkv.site.role == .qkv)
        #expect(backbone.linearLayers.allSatisfy { $0.isConv1D })
        let edited = try EditedModel("gpt2", tensors: { [$0] })
        try edited.write(
            backbone.weights.map {
                TensorToWrite(name: $0.name, shape: $0.savedShape, values: $0.savedFloats)
            })
        // Trained weights are multiplied by other kernels than frozen ones.
        #expect(relativeError(Self.hidden(try edited.backbone()), Self.hidden(backbone)) < 1e-6)
    }

    /// Halves stay halves, and hold the same values as the rows of the file's columns.
    @Test(arguments: [ElementType.float16, .bfloat16]) func halves(type: ElementType) throws {
        let edited = try EditedModel("gpt2", tensors: { [$0] })
        let store = try TensorStore(modelFolder: Golden.url("gpt2/model"))
        try edited.write(
            try store.tensors.map { info in
                TensorToWrite(
                    name: info.name, elementType: type, shape: info.shape,
                    bytes: try store.floats(info.name).flatMap { value in
                        let bits = HalfPrecisionTests.half(value, type)
                        return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
                    })
            })
        let halves = try TensorStore(modelFolder: edited.folder)
        let backbone = try edited.backbone()
        for layer in backbone.linearLayers {
            let name = layer.weight.name
            let info = try #require(halves.info(name))
            #expect(layer.weight.format == (type == .float16 ? "F16" : "BF16"))
            #expect(layer.weight.floats == Self.transposed(try halves.floats(name), info.shape), "\(name)")
            #expect(layer.weight.savedFloats == (try halves.floats(name)))
        }
    }

    /// Matrices of another shape, and those that lie as the others do, are not taken for what they are not.
    @Test func whatLiesOtherwiseIsRefused() throws {
        let edited = try EditedModel(
            "gpt2", entries: [("conv1d_transposed_back", .bool(true))], tensors: { [$0] })
        let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
        let message = "\(try #require(error))"
        #expect(
            message.contains("h.0.attn.c_attn.weight") && message.contains("shape [16, 48]")
                && message.contains("asks for [48, 16]"), "\(message)")
    }

    @Test func valuesThatAreNotFiniteAreRefused() throws {
        let edited = try EditedModel("gpt2", tensors: { [$0] })
        let store = try TensorStore(modelFolder: Golden.url("gpt2/model"))
        try edited.write(
            try store.tensors.map { info in
                var values = try store.floats(info.name)
                if info.name.hasSuffix("h.1.mlp.c_fc.weight") { values[7] = .nan }
                return TensorToWrite(name: info.name, shape: info.shape, values: values)
            })
        let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
        #expect("\(try #require(error))".contains("h.1.mlp.c_fc.weight: the weight holds NaN"))
    }

    /// As a GGUF file has GPT-2's matrices: rows are outputs, and the modules are Conv1D all the same.
    @Test func matricesThatAreTurnedBack() throws {
        let edited = try EditedModel(
            "gpt2", entries: [("conv1d_transposed_back", .bool(true))], tensors: { [$0] })
        let store = try TensorStore(modelFolder: Golden.url("gpt2/model"))
        try edited.write(
            try store.tensors.map { info in
                let values = try store.floats(info.name)
                guard Self.matrices(info.name) else {
                    return TensorToWrite(name: info.name, shape: info.shape, values: values)
                }
                return TensorToWrite(
                    name: info.name, shape: info.shape.reversed(), values: Self.transposed(values, info.shape)
                )
            })
        let backbone = try edited.backbone()
        let plain = try PretrainedModel.open(Golden.url("gpt2/model")).openBackbone()
        #expect(Self.hidden(backbone) == Self.hidden(plain))
        #expect(backbone.linearLayers.allSatisfy { $0.isConv1D && !$0.weight.isStoredTransposed })
        #expect(backbone.weights.map(\.floats) == plain.weights.map(\.floats))
        #expect(!backbone.isBuilt(as: plain))
    }

    /// As a GGUF file has GPT-NeoX's fused matrix: all queries, all keys, all values.
    @Test func rowsThatAreGrouped() throws {
        let edited = try EditedModel(
            "gpt_neox", entries: [("qkv_grouped", .bool(true))], tensors: { [$0] })
        let store = try TensorStore(modelFolder: Golden.url("gpt_neox/model"))
        try edited.write(
            try store.tensors.map { info in
                let values = try store.floats(info.name)
                guard info.name.contains("query_key_value") else {
                    return TensorToWrite(name: info.name, shape: info.shape, values: values)
                }
                // Two heads of 8 columns
                let width = values.count / 48
                let rows = (0..<3).flatMap { part in
                    (0..<2).flatMap { head in (0..<8).map { (head * 3 + part) * 8 + $0 } }
                }
                return TensorToWrite(
                    name: info.name, shape: info.shape,
                    values: rows.flatMap { Array(values[($0 * width)..<(($0 + 1) * width)]) })
            })
        let plain = try PretrainedModel.open(Golden.url("gpt_neox/model")).openBackbone()
        // Products of rows in another order may round otherwise.
        #expect(relativeError(Self.hidden(try edited.backbone()), Self.hidden(plain)) < 1e-6)
        #expect(plain.linearLayers.allSatisfy { !$0.isConv1D && !$0.weight.isStoredTransposed })
    }
}
