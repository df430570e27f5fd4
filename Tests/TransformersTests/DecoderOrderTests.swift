import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Weights in the order and form of GGUF files: queries and keys whose neighbours are pairs, norms with their 1, divisors of
/// frequencies.
@Suite struct DecoderOrderTests {
    /// - Parameter change: of a tensor's values.
    private func edited(
        _ model: String, entries: [(key: String, value: JSONValue)],
        _ change: (String, [Int], [Float]) -> [Float]
    ) throws -> EditedModel {
        let edited = try EditedModel("decoders/\(model)", entries: entries) { [$0] }
        let store = try TensorStore(modelFolder: Golden.url("decoders/\(model)/model"))
        try edited.write(
            try store.tensors.map {
                TensorToWrite(
                    name: $0.name, shape: $0.shape,
                    values: change($0.name, $0.shape, try store.floats($0.name)))
            })
        return edited
    }

    private func expectSame(_ edited: EditedModel, _ model: String) throws {
        let sequences = try DecoderGoldens.sequences(model)
        let ours = DecoderGoldens.hidden(try edited.backbone(), sequences)
        let theirs = DecoderGoldens.hidden(try DecoderGoldens.open(model), sequences)
        // Sums over a head's columns in another order.
        #expect(relativeError(ours.values, theirs.values) < 3e-6)
    }

    @Test(arguments: [
        ("mistral", 6), ("ministral3", 8), ("smollm3", 4), ("granite", 6), ("granite4", 6), ("qwen3", 8),
        ("phi3", 8),
    ])
    func neighboursArePairs(model: String, width: Int) throws {
        // Of Phi's heads half turns.
        let turned = model == "phi3" ? 4 : width
        func reordered(_ name: String, _ shape: [Int], _ values: [Float]) -> [Float] {
            let projects = ["q_proj", "k_proj", "q_norm", "k_norm", "qkv_proj"].contains { name.contains($0) }
            guard projects else { return values }
            let columns = shape.count == 1 ? 1 : shape[1]
            // The values' rows of the fused matrix stay: 4 + 2 heads of queries and keys turn.
            let turning = name.contains("qkv") ? 6 * width : shape[0]
            return (0..<shape[0]).flatMap { row in
                var source = row
                let place = row % width
                if row < turning && place < turned {
                    source = row - place + place / 2 + place % 2 * (turned / 2)
                }
                return values[source * columns..<(source + 1) * columns]
            }
        }
        let entry = (key: "rope_interleaved", value: JSONValue.bool(true))
        try expectSame(try edited(model, entries: [entry], reordered), model)
    }

    @Test(arguments: ["gemma2", "gemma3"]) func normsWithTheirOne(model: String) throws {
        let entry = (key: "norm_includes_one", value: JSONValue.bool(true))
        try expectSame(
            try edited(model, entries: [entry]) { name, _, values in
                name.contains("norm") ? values.map { $0 + 1 } : values
            }, model)
    }

    /// llama3's frequencies as divisors of plain ones.
    @Test func divisorsOfFrequencies() throws {
        let llama3 = #"""
            {"rope_type": "llama3", "rope_theta": 1000, "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
            "original_max_position_embeddings": 16}
            """#
        let divisors = (0..<8).map { pair in
            let frequency = pow(1000, -Double(pair) / 8)
            let length = 2 * Double.pi / frequency
            if length < 4 { return 1.0 }
            if length > 16 { return 8 }
            let smooth = (16 / length - 1) / 3
            return 1 / ((1 - smooth) / 8 + smooth)
        }
        #expect(divisors.contains { $0 > 1 && $0 < 8 })
        let asked = try EditedModel(
            "decoders/rope", entries: [(key: "rope_parameters", value: try JSONValue.parse(llama3))])
        let given = try EditedModel(
            "decoders/rope",
            entries: [
                (key: "rope_parameters", value: try JSONValue.parse(#"{"rope_theta": 1000}"#)),
                (key: "rope_freq_factors", value: .array(divisors.map { .number($0) })),
            ])
        let sequences = try DecoderGoldens.sequences("rope")
        let hidden = try [asked, given].map { DecoderGoldens.hidden(try $0.backbone(), sequences).values }
        // Frequencies a rounding apart.
        #expect(relativeError(hidden[1], hidden[0]) < 3e-6)
    }
}
