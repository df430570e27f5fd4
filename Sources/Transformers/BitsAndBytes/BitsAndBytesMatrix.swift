import Foundation
import Matrices
import Messages
import ModelFiles

/// A matrix as bitsandbytes writes it to safetensors files: its codes and what they are unpacked with.
///
/// NF4: `W` of two codes a byte; `W.quant_state.bitsandbytes__nf4`, JSON; `W.absmax`, scales of blocks; `W.quant_map`, the
/// levels; where scales are packed too, `W.nested_absmax` and `W.nested_quant_map`. LLM.int8: `M.weight` of signed bytes
/// [O, I], `M.SCB` [O], and `M.weight_format`. (`QuantState.as_dict` and `Linear8bitLt._save_to_state_dict`.)
struct BitsAndBytesMatrix: Sendable {
    static let stateEnding = ".quant_state.bitsandbytes__"
    static let partEndings = [".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"]
    static let scalesEnding = ".SCB"
    static let layoutEnding = ".weight_format"

    let name: String
    let rows: Int
    let columns: Int
    let format: String
    /// Of the tensors beside that of its name
    let partNames: [String]
    private let make: @Sendable () -> any FrozenMatrix

    func open() -> any FrozenMatrix { make() }

    /// The matrix that a tensor of this name describes; nil for any other tensor.
    init?(describedBy name: String, in store: TensorStore) throws {
        if name.hasSuffix(Self.scalesEnding) {
            try self.init(int8Scales: name, in: store)
        } else if let ending = name.range(of: Self.stateEnding, options: .backwards) {
            try self.init(
                state: name, of: String(name[..<ending.lowerBound]), type: String(name[ending.upperBound...]),
                in: store)
        } else {
            return nil
        }
    }

    private init(state name: String, of matrix: String, type: String, in store: TensorStore) throws {
        let file = BitsAndBytesFile(store)
        guard type == "nf4" else {
            throw file.fault(
                name,
                type == "fp4"
                    ? "the weights are FP4, which is not supported"
                    : "\(quoted(type)) is not a type of weights that is known",
                "take a folder of NF4 (bnb_4bit_quant_type \"nf4\"), a GGUF file, or the model before it was packed"
            )
        }
        let state = try NF4State(file, name)
        let count = state.rows * state.columns
        let codes = try file.bytes(
            matrix, of: nil, count: NF4Weight.byteCount(rows: state.rows, columns: state.columns),
            "\(state.rows) × \(state.columns) weights of NF4")
        try Self.checkLevels(file, matrix + ".quant_map")
        let blocks = (count + state.blockWeights - 1) / state.blockWeights
        var parts = [name, matrix + ".absmax", matrix + ".quant_map"]
        let scales: NF4Scales
        if let nested = state.nested {
            parts += [matrix + ".nested_absmax", matrix + ".nested_quant_map"]
            scales = NF4Scales(
                NF4Scales.Packed(
                    codes: try file.bytes(matrix + ".absmax", of: .uint8, count: blocks, "\(blocks) blocks"),
                    scales: try file.floats(
                        matrix + ".nested_absmax",
                        count: (blocks + nested.blockScales - 1) / nested.blockScales),
                    map: try file.values(matrix + ".nested_quant_map", count: 256),
                    blockScales: nested.blockScales, offset: nested.offset))
        } else {
            scales = NF4Scales(try file.floats(matrix + ".absmax", count: blocks))
        }
        self.name = matrix
        (rows, columns) = (state.rows, state.columns)
        format = NF4Weight.formatName
        partNames = parts
        make = {
            NF4Weight(
                rows: state.rows, columns: state.columns, codes: codes, scales: scales,
                blockWeights: state.blockWeights, rounding: state.rounding)
        }
    }

    /// bitsandbytes itself unpacks by the levels that it has in its code.
    private static func checkLevels(_ file: BitsAndBytesFile, _ name: String) throws {
        let levels = try file.values(name, count: 16)
        guard zip(levels, NF4Weight.levels).allSatisfy({ abs($0 - $1) < 1e-6 }) else {
            throw file.fault(
                name, "the levels are not those of NF4",
                "take another file of the model: these weights cannot be known")
        }
    }

    private init(int8Scales name: String, in store: TensorStore) throws {
        let file = BitsAndBytesFile(store)
        let module = String(name.dropLast(Self.scalesEnding.count))
        let matrix = module + ".weight"
        let (rows, columns) = try file.int8Shape(matrix, scales: name)
        let bytes = try file.bytes(matrix, of: .int8, count: rows * columns, "\(rows) × \(columns) weights")
        let scales = try file.floats(name, count: rows)
        var parts = [name]
        let layout = module + Self.layoutEnding
        if store.info(layout) != nil {
            parts.append(layout)
            let value = try file.bytes(layout, of: .uint8, count: 1, "a layout")
            guard value.raw.first == 0 else {
                throw file.fault(
                    layout, "layout \(value.raw.first ?? 0) of the bytes, supported is 0, row by row",
                    "save the model again with a bitsandbytes from version 0.43 on")
            }
        }
        self.name = matrix
        (self.rows, self.columns) = (rows, columns)
        format = Int8RowWeight.formatName
        partNames = parts
        make = { Int8RowWeight(rows: rows, columns: columns, bytes, scales: scales) }
    }
}
