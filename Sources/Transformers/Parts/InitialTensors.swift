import Matrices
import ModelFiles

/// Weights for a model that nobody trained, in place of a checkpoint: drawn as transformers draws them, each from a stream of its
/// own that its name and the seed decide.
final class InitialTensors: TensorSource {
    /// What a weight begins as.
    enum Start: Sendable, Equatable {
        /// N(0, σ²)
        case normal(Double)
        /// Between −b and b
        case uniform(Double)
        /// Between ±√(6 / (inputs + outputs)) of a matrix [outputs, inputs] (Glorot and Bengio 2010)
        case xavierUniform
        /// N(0, σ²) cut at ±2σ, of variance 1 / inputs of a matrix [outputs, inputs] (LeCun et al. 1998)
        case lecunNormal
        case constant(Float)
    }

    let path: String
    let names: [String] = []
    private let seed: UInt64
    private let start: @Sendable (_ name: String) -> Start

    /// - Parameters:
    ///   - path: of the configuration, for messages.
    ///   - start: of a weight, by its name without the architecture's prefix.
    init(path: String, seed: UInt64, start: @escaping @Sendable (_ name: String) -> Start) {
        (self.path, self.seed, self.start) = (path, seed, start)
    }

    func tensor(_ name: String) -> StoredTensor? { nil }

    func copyFloat32(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        throw ModelFileError(
            file: path, place: name, problem: "there are no weights yet", advice: "write initial ones first")
    }

    func values(_ name: String, rows: Int, columns: Int) -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        var stream = RandomStream(seed: seed, purpose: "initial weights: \(name)")
        switch start(name) {
        case .constant(let value): matrix.fill(value)
        case .normal(let deviation): stream.fillNormal(matrix, deviation: deviation)
        case .uniform(let bound): stream.fillUniform(matrix, bound: bound)
        case .xavierUniform:
            stream.fillUniform(matrix, bound: (6 / Double(rows + columns)).squareRoot())
        case .lecunNormal:
            // The deviation of a standard normal that is cut at ±2, as transformers has it
            let deviation = 1 / Double(columns).squareRoot() / 0.87962566103423978
            for index in 0..<matrix.count { matrix.pointer[index] = Float(deviation * stream.cutNormal()) }
        }
        return matrix
    }
}

extension RandomStream {
    /// Standard normal, drawn again beyond ±2
    fileprivate mutating func cutNormal() -> Double {
        var value = normal()
        while abs(value) > 2 { value = normal() }
        return value
    }
}
