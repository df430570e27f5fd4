import Matrices
import ModelFiles
import Transformers

/// How parts of one kind (`ModelPart`) stand in an adapter folder.
package struct PartForm: Sendable {
    /// `peft_type`
    let type: String
    /// Whether PEFT opens such folders
    package let isOfPEFT: Bool
    /// Before the names that tensors of the head have in transformers' whole model
    let headPrefix: String
    /// Whether parts are of this kind
    let fits: @Sendable (_ part: any ModelPart) -> Bool
    /// All tensors of the parts, which are at least one
    let tensors: @Sendable (_ parts: [any ModelPart]) -> [TensorToWrite]
    /// Adds what the configuration says of this kind alone.
    let configure: @Sendable (_ config: inout JSONObject, _ parts: [any ModelPart]) -> Void
    /// The parts of a folder, not yet hung on `backbone`.
    let read: @Sendable (_ folder: PartReader, _ backbone: any Backbone) throws -> [any ModelPart]

    init(
        type: String, isOfPEFT: Bool = false, headPrefix: String = PEFTForm.prefix,
        fits: @escaping @Sendable (any ModelPart) -> Bool,
        tensors: @escaping @Sendable ([any ModelPart]) -> [TensorToWrite],
        configure: @escaping @Sendable (inout JSONObject, [any ModelPart]) -> Void,
        read: @escaping @Sendable (PartReader, any Backbone) throws -> [any ModelPart]
    ) {
        self.type = type
        self.isOfPEFT = isOfPEFT
        self.headPrefix = headPrefix
        self.fits = fits
        self.tensors = tensors
        self.configure = configure
        self.read = read
    }
}

/// Configuration and tensors of a folder of parts, as their form reads them.
struct PartReader {
    /// Of the configuration's file
    let json: JSONValue
    let tensors: PEFTReader
    /// For an error in the configuration
    let fault: AdapterConfiguration.Fault

    /// A whole number; an error where it is missing or outside.
    func count(_ key: String, _ range: ClosedRange<Int>) throws -> Int {
        guard let value = json[key]?.int, range ~= value else {
            throw fault(
                key, "missing or not a whole number from \(range.lowerBound) to \(range.upperBound)",
                AdapterConfiguration.asSaved)
        }
        return value
    }
}
