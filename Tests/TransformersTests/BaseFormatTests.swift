import Autodiff
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// A Float32 base that is kept in another format.
@Suite struct BaseFormatTests {
    private static func backbone() throws -> any Backbone {
        try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
    }

    /// Bounds: BF16 rounds by up to 2⁻⁹ of a value; q8_0 by half a step of 1/127 of the largest of 32, about three times the root
    /// mean square of normal values; four bits by half a step of 1/8 of it, NF4 by less. Evenly spread errors are 1/√3 of their bound.
    @Test(arguments: [
        ("bf16", "BF16", 0.002), ("q8_0", "Q8_0", 0.008), ("q4_k", "Q4_0", 0.15), ("nf4", "NF4", 0.15),
    ])
    func everyMatrixIsPackedOnce(name: String, format: String, bound: Double) throws {
        let (backbone, original) = (try Self.backbone(), try Self.backbone())
        let base = try #require(BaseFormat.named(name)).pack(backbone, name: "a model")
        #expect(base.kept == [] && base.entries.count == base.matrices && base.matrices >= 12)
        for (weight, before) in zip(backbone.weights, original.weights) {
            // Token types are a table of two rows.
            guard weight.format != nil, weight.rows >= 8 else {
                #expect(weight.floats == before.floats, "\(weight.name)")
                continue
            }
            let isLayer = backbone.linearLayers.contains { $0.weight === weight }
            // As bitsandbytes: layers alone.
            guard isLayer || name != "nf4" else {
                #expect(weight.format == "F32", "\(weight.name)")
                continue
            }
            #expect(weight.format == format, "\(weight.name)")
            let entry = try #require(base.entries.first { $0.name == weight.name })
            #expect(
                entry.format == format && entry.rows == weight.rows && entry.columns == weight.columns,
                "\(weight.name)")
            let error = entry.error
            #expect(error > 0 && error < bound, "\(weight.name): \(error)")
            let (packed, values) = (weight.floats, before.floats)
            let difference = zip(packed, values).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
            let size = values.reduce(0.0) { $0 + Double($1 * $1) }
            #expect(abs((difference / size).squareRoot() - error) < 1e-6)
        }
        #expect(base.bytes.after < base.bytes.before * 2 / 3)
        #expect(base.note.hasPrefix("base kept as \(name): \(base.matrices) matrices, "))
    }

    @Test func whatIsPackedStaysAsItIs() throws {
        let backbone = try Self.backbone()
        let format = try #require(BaseFormat.named("q8_0"))
        _ = try format.pack(backbone, name: "a model")
        let error = #expect(throws: ModelFileError.self) { try format.pack(backbone, name: "a model") }
        #expect(error?.description.contains("it is Q8_0 already; leave out --base-format") == true)
    }

    @Test func valuesThatTheFormatCannotHoldAreNamed() throws {
        let backbone = try Self.backbone()
        let weight = try #require(backbone.weights.last { $0.format != nil })
        let values = weight.dense()
        values.pointer[3] = .infinity
        weight.replace(with: values)
        let error = #expect(throws: ModelFileError.self) {
            try BaseFormat.named("q8_0")?.pack(backbone, name: "a model")
        }
        #expect(error?.description.contains(weight.name) == true)
    }
}
