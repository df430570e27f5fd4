import Matrices
import ModelFiles

extension PackedMatrix {
    /// Blocks of 64 whose scales are packed once more, as QLoRA has them, in the tensors of bitsandbytes' files.
    static func nf4(_ values: Matrix) -> PackedMatrix {
        let packed = NF4Packing.pack(values.buffer)
        let scales = NF4Packing.packScales(packed.scales)
        let codes = WeightBytes(copying: packed.codes)
        let state: JSONObject = [
            "quant_type": .string("nf4"), "blocksize": JSONValue(64), "dtype": .string("float32"),
            "shape": .array([JSONValue(values.rows), JSONValue(values.columns)]),
            "nested_blocksize": JSONValue(scales.blockScales), "nested_dtype": .string("float32"),
            "nested_offset": .number(Double(scales.offset)),
        ]
        let text = WeightBytes(copying: JSONValue.object(state).bytes())
        return PackedMatrix(
            matrix: NF4Weight(
                rows: values.rows, columns: values.columns, codes: codes, scales: NF4Scales(scales)),
            parts: [
                Part("", .uint8, shape: [codes.count, 1], codes),
                Part(".absmax", .uint8, shape: [scales.codes.count], scales.codes),
                Part(".quant_map", .float32, shape: [16], floats(NF4Weight.levels)),
                Part(".nested_absmax", .float32, shape: [scales.scales.count / 4], scales.scales),
                Part(".nested_quant_map", .float32, shape: [scales.map.count], floats(scales.map)),
                Part(BitsAndBytesMatrix.stateEnding + "nf4", .uint8, shape: [text.count], text),
            ])
    }

    private static func floats(_ values: [Float]) -> WeightBytes {
        WeightBytes(copying: values.withUnsafeBytes { Array($0) })
    }
}
