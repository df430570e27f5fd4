import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Checkpoints in BF16 and F16: their matrices stay so, and the model computes what it does with the same values in
/// Float32.
@Suite struct HalfPrecisionTests {
    /// The golden model of an architecture, in a folder of its own, its tensors changed.
    private struct Copy {
        let folder: URL

        init(_ name: String, _ change: (TensorInfo, [Float]) -> TensorToWrite) throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "half-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let source = Golden.url(name == "bert" ? "bert/model" : "encoders/\(name)/model")
            try FileManager.default.copyItem(
                at: source.appendingPathComponent("config.json"),
                to: folder.appendingPathComponent("config.json"))
            let store = try TensorStore(modelFolder: source)
            try SafetensorsWriter.write(
                try store.tensors.map { change($0, try store.floats($0.name)) }, metadata: [:],
                to: folder.appendingPathComponent("model.safetensors"))
        }

        func backbone() throws -> any Backbone {
            defer { try? FileManager.default.removeItem(at: folder) }
            return try PretrainedModel.open(folder).openBackbone()
        }
    }

    static func half(_ value: Float, _ type: ElementType) -> UInt16 {
        type == .float16 ? Float16(value).bitPattern : UInt16(value.bitPattern >> 16)
    }

    private static func rounded(_ value: Float, _ type: ElementType) -> Float {
        let bits = half(value, type)
        return type == .float16 ? Float(Float16(bitPattern: bits)) : Float(bitPattern: UInt32(bits) << 16)
    }

    private static func stored(_ info: TensorInfo, _ values: [Float], _ type: ElementType) -> TensorToWrite {
        TensorToWrite(
            name: info.name, elementType: type, shape: info.shape,
            bytes: values.flatMap { value in
                let bits = half(value, type)
                return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
            })
    }

    private static func encoders(_ name: String, _ type: ElementType) throws -> (
        half: any Backbone, float: any Backbone
    ) {
        (
            try Copy(name) { stored($0, $1, type) }.backbone(),
            try Copy(name) { info, values in
                TensorToWrite(name: info.name, shape: info.shape, values: values.map { rounded($0, type) })
            }.backbone()
        )
    }

    // Where Float32 goes through packed weights and halves do not, sums are taken in another order: 1e-6 on models of this
    // size, and the tolerances are those of the parity tests.
    @Test(arguments: ["bert", "albert", "deberta", "mpnet"], [ElementType.bfloat16, .float16])
    func hiddenStatesAndGradientsAreThoseOfTheValues(name: String, type: ElementType) throws {
        let (half, float) = try Self.encoders(name, type)
        let sequences = try Golden.sequences(
            Golden.json(name == "bert" ? "bert/batch.json" : "encoders/\(name)/batch.json"))
        let batch = PackedBatch(sequences.map { ($0.ids, $0.types) })
        func run(_ backbone: any Backbone) -> (hidden: [Float], gradients: [Float], allocations: [Int]) {
            let factors = Self.hangFactors(on: backbone)
            let gradients = Matrix(rows: 1, columns: factors.count)
            let pool = BufferPool()
            var (values, allocations): ([Float], [Int]) = ([], [])
            for _ in 0..<3 {
                gradients.fill(0)
                let tape = Tape(pool: pool, parameterGradients: gradients, dropoutStream: nil)
                let hidden = backbone.hiddenStates(batch, on: tape)
                values = hidden.value.values
                _ = tape.squaredError(
                    tape.linear(hidden, weight: Self.score(hidden.columns), bias: nil),
                    targets: [Float](repeating: 1, count: hidden.rows), divisor: Double(hidden.rows))
                tape.backward()
                allocations.append(pool.allocations)
            }
            return (values, gradients.values, allocations)
        }
        let (a, b) = (run(half), run(float))
        #expect(relativeError(a.hidden, b.hidden) < 1e-5)
        #expect(relativeError(a.gradients, b.gradients) < 1e-4 && a.gradients.contains { $0 != 0 })
        // Tiles come from the pool: a steady step takes nothing from the system.
        #expect(a.allocations[1] == a.allocations[2], "\(a.allocations)")
    }

    private static func score(_ width: Int) -> Parameter {
        let values = Matrix(rows: 1, columns: width)
        var stream = RandomStream(seed: 5, purpose: "score")
        stream.fillNormal(values, deviation: 0.3)
        return Parameter(name: "score", values: values)
    }

    private final class Factors: LinearAdapter {
        let factors: LowRankFactors

        init(_ layer: LinearLayer) {
            func parameter(_ name: String, _ rows: Int, _ columns: Int) -> Parameter {
                let values = Matrix(rows: rows, columns: columns)
                var stream = RandomStream(seed: 6, purpose: name, indices: [layer.site.layer, rows, columns])
                stream.fillNormal(values, deviation: 0.1)
                return Parameter(name: name, values: values)
            }
            factors = LowRankFactors(
                p: parameter("P", layer.outputs, 2), lambda: nil, q: parameter("Q", 2, layer.inputs),
                factor: 1)
        }

        func output(of x: Variable, weight: Weight, bias: Weight?, on tape: Tape) -> Variable {
            tape.linear(x, weight: weight, bias: bias, lowRank: factors, dropout: 0)
        }
    }

    private static func hangFactors(on backbone: any Backbone) -> ParameterVector {
        var parameters: [Parameter] = []
        for layer in backbone.linearLayers {
            let adapter = Factors(layer)
            layer.adapter = adapter
            parameters += [adapter.factors.p, adapter.factors.q]
        }
        return ParameterVector(parameters)
    }

    /// Matrices keep their two bytes a number; vectors are Float32.
    @Test(arguments: [ElementType.bfloat16, .float16]) func matricesKeepTheirFormat(type: ElementType) throws
    {
        let (half, float) = try Self.encoders("bert", type)
        #expect(half.parameterCount == float.parameterCount)
        for (weight, twin) in zip(half.weights, float.weights) {
            let isVector = weight.savedShape.count == 1
            #expect(weight.format == (isVector ? nil : type.rawValue), "\(weight.name)")
            #expect(weight.releasePages() == (isVector ? 0 : 2 * weight.count))
            #expect(twin.releasePages() == (isVector ? 0 : 4 * twin.count))
            #expect(weight.floats == twin.floats && weight.dense().values == twin.floats, "\(weight.name)")
            #expect(weight.savedShape == twin.savedShape && weight.name == twin.name)
        }
    }

    /// F64 has no format of its own here: it becomes Float32.
    @Test func doublesBecomeFloats() throws {
        let backbone = try Copy("bert") { info, values in
            TensorToWrite(
                name: info.name, elementType: .float64, shape: info.shape,
                bytes: values.flatMap { value in
                    withUnsafeBytes(of: Double(value).bitPattern.littleEndian) { Array($0) }
                })
        }.backbone()
        let plain = try Copy("bert") { TensorToWrite(name: $0.name, shape: $0.shape, values: $1) }.backbone()
        #expect(backbone.weights.allSatisfy { $0.format == ($0.savedShape.count == 1 ? nil : "F32") })
        #expect(backbone.weights.map(\.floats) == plain.weights.map(\.floats))
    }

    @Test(arguments: [ElementType.bfloat16, .float16], ["query.weight", "query.bias"])
    func notANumberIsRefused(type: ElementType, tensor: String) throws {
        let name = "bert.encoder.layer.1.attention.self.\(tensor)"
        let copy = try Copy("bert") { info, values in
            var values = values
            if info.name == name { values[values.count - 1] = .infinity }
            return Self.stored(info, values, type)
        }
        let error = #expect(throws: ModelFileError.self) { _ = try copy.backbone() }
        #expect("\(error as Any)".contains("\(name): the weight holds NaN or infinite values"))
    }
}
