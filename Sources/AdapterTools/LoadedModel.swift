import Autodiff
import Foundation
import Images
import Matrices
import Messages
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// A model opened for text, from a folder or a GGUF: backbone and tokenizer that fit each other and the length limit. Or one for
/// images, with how its folder says that files become pixels; or for both, of two towers.
package struct LoadedModel {
    package let model: PretrainedModel
    /// The folder, or the file
    package var url: URL { model.url }
    package let backbone: any Backbone
    /// One that knows no text, of a model that reads images alone.
    package let tokenizer: Tokenizer
    /// How files become images for it; nil of a model that reads none.
    package let images: ImageReading?
    /// Of a model of two towers; nil of one.
    package var pair: PairOutput? { backbone.pair?.filling(with: tokenizer.paddingID) }
    /// How its conversations are written; nil for a model that was not trained to talk.
    package let chat: ChatFormat?
    /// Where the base is kept in another format than its files'.
    package let packedBase: PackedBase?
    /// That the base was packed to: when it was opened here, or when its folder was written.
    package let baseFormat: BaseFormat?
    private let configWarnings: [String]
    private let pendingFingerprint: Pending<String>
    /// Of all weights of the backbone as Float32, in order. Asked for before an adapter is put on them, which may change some.
    package var fingerprint: String { pendingFingerprint.wait() }
    /// The formats of the matrices; nil where all are Float32.
    package var formats: String? {
        let names = Set(backbone.weights.compactMap(\.format))
        return names == ["F32"] ? nil : names.sorted().joined(separator: ", ")
    }
    /// Where nobody says how long rows may be.
    var usualMaxLength: Int {
        min(512, backbone.longestSequence, tokenizer.longestSequence ?? .max)
    }

    /// When the fingerprint of the weights is made, which takes as long as reading the tokenizer.
    package enum Fingerprinting: Sendable {
        /// Until the model is open
        case meanwhile
        /// In the background; who opens the model asks for it before anything else may fail.
        case beyond
        /// When somebody asks for it, if ever
        case whenAsked
    }

    /// - Parameter baseFormat: in which the matrices are kept; nil as the files have them. A folder that was packed to it stays
    ///   as it is.
    package init(
        _ url: URL, maxLength: Int, baseFormat: BaseFormat? = nil,
        fingerprint when: Fingerprinting = .meanwhile
    ) throws {
        model = try PretrainedModel.open(url)
        backbone = try model.openBackbone()
        let stated = try BaseFormat.stated(model.config, by: backbone)
        packedBase = baseFormat == stated ? nil : try baseFormat?.pack(backbone, name: url.path)
        self.baseFormat = packedBase?.format ?? stated
        let pending = Pending(now: when != .whenAsked) { [backbone] in Self.fingerprint(backbone, .sha256) }
        pendingFingerprint = pending
        var isOpen = false
        // A program that ends with an error takes OpenSSL down, which must not be at work then.
        defer { if when == .meanwhile || when == .beyond && !isOpen { _ = pending.wait() } }
        if let input = backbone.imageInput {
            images = try ImageReading(ImagePreprocessing(folder: url), input, folder: url.path)
            if backbone.pair == nil {
                (tokenizer, chat) = (.ofNoText, nil)
                configWarnings = Self.unreadKeys(model.config)
                isOpen = true
                return
            }
        } else {
            images = nil
        }
        var tokenizer =
            try model.gguf.map { try Tokenizer(gguf: GGUFVocabulary.read($0.file), name: $0.file.path) }
            ?? Tokenizer(folder: url)
        let vocabulary = backbone.sizes.vocabulary
        guard tokenizer.storedSize <= vocabulary else {
            throw TrainingError(
                "\(url.path): the tokenizer has \(tokenizer.storedSize) tokens, the model's embedding only \(vocabulary); "
                    + "the tokenizer files belong to another model")
        }
        if let id = tokenizer.templateIDs.first(where: { $0 >= vocabulary }) {
            throw TrainingError(
                "\(url.path): the token \(quoted(tokenizer.token(for: id) ?? "")) that stands around every text has the id "
                    + "\(id), the model's embedding has only \(vocabulary) rows; the tokenizer files belong to another model"
            )
        }
        tokenizer.embeddingRows = vocabulary
        if backbone.sizes.types < 2 { tokenizer.typeNote = nil }
        self.tokenizer = tokenizer
        chat = try ChatFormat.of(model, tokenizer)
        let positions = backbone.sizes.positions
        guard maxLength <= positions else {
            throw TrainingError(
                .usage,
                "max-length \(maxLength) is more than the \(positions) positions of the model; use \(positions) or less"
            )
        }
        // Read with the tokenizer.
        _ = model.config.value("tokenizer_class")
        configWarnings = tokenizer.notes + Self.unreadKeys(model.config)
        isOpen = true
    }

    private static func unreadKeys(_ config: HFConfig) -> [String] {
        config.unreadKeys.isEmpty
            ? []
            : [
                "\(config.path): keys without a meaning here: "
                    + oneLine(config.unreadKeys.joined(separator: ", "))
            ]
    }

    /// Lays matrices out for products with Wᵀ, which the first products would do one after the other.
    package func layOut(_ workers: Workers) {
        let layers = backbone.linearLayers
        workers.run(tasks: layers.count) { task, _ in layers[task].weight.layOut() }
    }

    /// Whether a text of this version or an earlier one was recorded for these weights. Asked before an adapter is put on
    /// them, which may change some.
    package func matches(_ recorded: String) -> Bool {
        switch Fingerprint.Form(of: recorded) {
        case .sha256: fingerprint == recorded
        case .earlier: earlierFingerprint == recorded
        }
    }

    /// The fingerprint of the weights as versions before SHA-256 recorded it.
    package var earlierFingerprint: String { Self.fingerprint(backbone, .earlier) }

    private static func fingerprint(_ backbone: any Backbone, _ form: Fingerprint.Form) -> String {
        let print = Fingerprint(form)
        for weight in backbone.weights {
            print.add(weight)
            // Rows of rare words may never be wanted again.
            weight.releasePages()
        }
        return print.text()
    }

    package var warnings: [String] { warnings(whereHeadTakes: []) }

    /// What a person should know about the checkpoint.
    ///
    /// - Parameter taken: names of the tensors that become a head
    package func warnings(whereHeadTakes taken: Set<String>) -> [String] {
        let unused = backbone.unusedWeights.filter { !taken.contains($0) }
        guard !unused.isEmpty else { return configWarnings }
        return configWarnings + [
            "\(unused.count) tensors of the checkpoint are not part of the \(backbone.architecture.noun) and stay unused: "
                + oneLine(unused.prefix(4).joined(separator: ", ")) + (unused.count > 4 ? ", …" : "")
        ]
    }
}

extension Fingerprint {
    /// The values as Float32, whatever their format: an adapter fits them.
    fileprivate func add(_ weight: Weight) {
        // Tiles hold whole words, so that the parts have the hash of the whole.
        weight.forEachTile { addPart(UnsafeRawBufferPointer($1)) }
        end(count: weight.count * MemoryLayout<Float>.size)
    }
}
