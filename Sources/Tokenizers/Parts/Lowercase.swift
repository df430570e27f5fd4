/// Scalar by scalar, without the context rules (final sigma) of lowercasing a string.
struct Lowercase: TextNormalizer {
    func normalize(_ text: [LocatedScalar]) -> [LocatedScalar] {
        var result: [LocatedScalar] = []
        result.reserveCapacity(text.count)
        for var located in text {
            let scalar = located.scalar
            if scalar.value < 0x80 {
                let upper = scalar.value >= 0x41 && scalar.value <= 0x5A
                if upper { located.scalar = Unicode.Scalar(UInt8(scalar.value + 32)) }
                result.append(located)
            } else if scalar.properties.changesWhenLowercased {
                for lower in scalar.properties.lowercaseMapping.unicodeScalars {
                    located.scalar = lower
                    result.append(located)
                }
            } else {
                result.append(located)
            }
        }
        return result
    }
}
