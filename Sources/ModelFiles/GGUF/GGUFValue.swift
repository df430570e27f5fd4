/// The value of a key.
package enum GGUFValue: Sendable, Equatable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case uint64(UInt64)
    case int64(Int64)
    case float32(Float)
    case float64(Double)
    case bool(Bool)
    case string(String)
    case array(GGUFArray)
}

/// Values of one type; arrays of arrays are not in use.
package enum GGUFArray: Sendable, Equatable {
    case uint8([UInt8])
    case int8([Int8])
    case uint16([UInt16])
    case int16([Int16])
    case uint32([UInt32])
    case int32([Int32])
    case uint64([UInt64])
    case int64([Int64])
    case float32([Float])
    case float64([Double])
    case bool([Bool])
    case string([String])

    /// The value that it holds when it holds one.
    var only: GGUFValue? {
        switch self {
        case .uint8(let values): Self.only(values, GGUFValue.uint8)
        case .int8(let values): Self.only(values, GGUFValue.int8)
        case .uint16(let values): Self.only(values, GGUFValue.uint16)
        case .int16(let values): Self.only(values, GGUFValue.int16)
        case .uint32(let values): Self.only(values, GGUFValue.uint32)
        case .int32(let values): Self.only(values, GGUFValue.int32)
        case .uint64(let values): Self.only(values, GGUFValue.uint64)
        case .int64(let values): Self.only(values, GGUFValue.int64)
        case .float32(let values): Self.only(values, GGUFValue.float32)
        case .float64(let values): Self.only(values, GGUFValue.float64)
        case .bool(let values): Self.only(values, GGUFValue.bool)
        case .string(let values): Self.only(values, GGUFValue.string)
        }
    }

    private static func only<Value>(_ values: [Value], _ make: (Value) -> GGUFValue) -> GGUFValue? {
        values.count == 1 ? values.first.map(make) : nil
    }
}

extension GGUFArray {
    var type: GGUFType {
        switch self {
        case .uint8: .uint8
        case .int8: .int8
        case .uint16: .uint16
        case .int16: .int16
        case .uint32: .uint32
        case .int32: .int32
        case .uint64: .uint64
        case .int64: .int64
        case .float32: .float32
        case .float64: .float64
        case .bool: .bool
        case .string: .string
        }
    }

    var count: Int {
        switch self {
        case .uint8(let values): values.count
        case .int8(let values): values.count
        case .uint16(let values): values.count
        case .int16(let values): values.count
        case .uint32(let values): values.count
        case .int32(let values): values.count
        case .uint64(let values): values.count
        case .int64(let values): values.count
        case .float32(let values): values.count
        case .float64(let values): values.count
        case .bool(let values): values.count
        case .string(let values): values.count
        }
    }
}

extension GGUFValue {
    /// An array of this value alone; an array is itself.
    var array: GGUFArray {
        switch self {
        case .uint8(let value): .uint8([value])
        case .int8(let value): .int8([value])
        case .uint16(let value): .uint16([value])
        case .int16(let value): .int16([value])
        case .uint32(let value): .uint32([value])
        case .int32(let value): .int32([value])
        case .uint64(let value): .uint64([value])
        case .int64(let value): .int64([value])
        case .float32(let value): .float32([value])
        case .float64(let value): .float64([value])
        case .bool(let value): .bool([value])
        case .string(let value): .string([value])
        case .array(let array): array
        }
    }
}
