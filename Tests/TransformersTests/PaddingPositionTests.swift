import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Rows in which the padding token stands as any other: RoBERTa, its relatives and MPNet number positions without it, as
/// transformers does (scripts/goldens/pad_positions.py).
@Suite struct PaddingPositionTests {
    // PyTorch's own Float32 error is 1e-6 on models of this size; 1e-5 leaves room for another summation order.
    @Test func hiddenStatesOfRowsWithPaddingTokens() throws {
        let expected = try Golden.tensors("encoders/padding.safetensors")
        let cases = try #require(Golden.json("encoders/padding.json")["cases"]?.array)
        #expect(cases.count == 9)
        for entry in cases {
            let name = try #require(entry["name"]?.string)
            let source = Golden.url("encoders/\(try #require(entry["folder"]?.string))/model")
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "padding-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            try FileManager.default.copyItem(at: source, to: folder)
            let file = folder.appendingPathComponent("config.json")
            var config = try #require(JSONValue.read(file).object)
            for (key, value) in entry["changes"]?.object?.members ?? [] { config[key] = value }
            try Data(JSONValue.object(config).bytes()).write(to: file)
            let backbone = try PretrainedModel.open(folder).openBackbone()
            let batch = PackedBatch(try Golden.sequences(entry).map { ($0.ids, $0.types) })
            let hidden = backbone.hiddenStates(batch, on: Tape(evaluatingWith: BufferPool()))
            #expect(relativeError(hidden.value.values, try expected.floats(name)) < 1e-5, "\(name)")
        }
    }
}
