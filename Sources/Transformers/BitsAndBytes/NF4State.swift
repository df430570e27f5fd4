import Matrices
import Messages
import ModelFiles

/// What `W.quant_state.bitsandbytes__nf4` says of a matrix.
struct NF4State: Sendable {
    let rows: Int
    let columns: Int
    let blockWeights: Int
    let rounding: NF4Rounding
    /// Of scales that are packed themselves
    let nested: (blockScales: Int, offset: Float)?

    private static let roundings: [String: NF4Rounding] = [
        "float32": .none, "bfloat16": .bfloat16, "float16": .float16,
    ]
    private static let mostScales = 1 << 20

    init(_ file: BitsAndBytesFile, _ name: String) throws {
        let json = try file.json(name)
        func fault(_ key: String, _ problem: String) -> ModelFileError {
            file.fault(name, "key \(quoted(key)): \(problem)")
        }
        guard json["quant_type"]?.string == "nf4" else { throw fault("quant_type", "it is not \"nf4\"") }
        guard let block = json["blocksize"]?.int, NF4Weight.blockSizes.contains(block) else {
            throw fault(
                "blocksize", "not one of " + NF4Weight.blockSizes.map(String.init).joined(separator: ", "))
        }
        guard let type = json["dtype"]?.string, let rounding = Self.roundings[type] else {
            throw fault("dtype", "not one of " + Self.roundings.keys.sorted().joined(separator: ", "))
        }
        (rows, columns) = try Self.shape(json["shape"], fault)
        blockWeights = block
        self.rounding = rounding
        nested = try Self.nested(json, fault)
    }

    private static func shape(
        _ value: JSONValue?, _ fault: (String, String) -> ModelFileError
    ) throws -> (Int, Int) {
        guard let sizes = value?.array, sizes.count == 2, let rows = sizes[0].int, let columns = sizes[1].int,
            rows > 0, columns > 0
        else { throw fault("shape", "not two sizes of at least 1") }
        let product = rows.multipliedReportingOverflow(by: columns)
        guard !product.overflow, product.partialValue < 1 << 60 else {
            throw fault("shape", "\(rows) × \(columns) weights are more than there can be")
        }
        return (rows, columns)
    }

    private static func nested(
        _ json: JSONObject, _ fault: (String, String) -> ModelFileError
    ) throws -> (blockScales: Int, offset: Float)? {
        guard ["nested_blocksize", "nested_offset", "nested_dtype"].contains(where: { json[$0] != nil })
        else {
            return nil
        }
        guard let block = json["nested_blocksize"]?.int, (1...mostScales).contains(block) else {
            throw fault("nested_blocksize", "not a number of scales")
        }
        guard json["nested_dtype"]?.string == "float32" else {
            throw fault("nested_dtype", "it is not \"float32\"")
        }
        guard let offset = json["nested_offset"]?.double.map(Float.init), offset.isFinite else {
            throw fault("nested_offset", "not a number")
        }
        return (block, offset)
    }
}
