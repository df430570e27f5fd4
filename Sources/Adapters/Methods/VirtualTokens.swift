import Autodiff
import Matrices
import Messages
import ModelFiles
import Settings
import Transformers

/// What prefix and prompt tuning share: rows that stand before every sequence for tokens that no text has.
package struct VirtualTokenSettings: Sendable, Equatable {
    package enum PrefixStart: String, CaseIterable, Sendable { case random, zero, text }
    package enum PromptStart: String, CaseIterable, Sendable { case random, vocabulary, text }

    /// N
    package var count = 20
    package var prefixStart = PrefixStart.text
    /// nil: vocabulary, or text where one is given; see `usedPromptStart`.
    package var promptStart: PromptStart?
    /// nil: what the training rows begin with.
    package var text: String?

    package var usedPromptStart: PromptStart { promptStart ?? (text == nil ? .vocabulary : .text) }

    var knob: Knob { Knob("virtual tokens", String(count)) }

    private static let countRow = Setting<VirtualTokenSettings>(
        "virtual-tokens",
        "Virtual tokens N before every row: prefix trains 2·L·K·N numbers (L layers, K columns of keys), prompt E·N (E "
            + "columns of the word embeddings)",
        set: { $0.count = try $1.wholeNumber(1...100_000) }, get: { String($0.count) })
    private static let textRow = Setting<VirtualTokenSettings>(
        "prompt-text",
        "Text whose tokens prefix or prompt start from, repeated or cut to virtual-tokens",
        unset: "what the training rows begin with",
        set: { $0.text = try $1.orNone { try $0.text() } }, get: { $0.text.map(SettingText.text) })

    /// The rows of a method.
    ///
    /// - Parameter start: how its virtual tokens start.
    static func rows(_ start: Setting<VirtualTokenSettings>) -> [Setting<TuningSettings>] {
        [countRow, start].map { $0.within(\.virtual, idle: ifBrought) } + [
            textRow.within(\.virtual) { ifBrought($0) ?? ifNotOfText($0) }
        ]
    }

    /// An adapter that a run goes on from brings its virtual tokens.
    @Sendable private static func ifBrought(_ settings: TuningSettings) -> String? {
        settings.fromAdapter == nil ? nil : "with from-adapter, which brings its virtual tokens"
    }

    private static func ifNotOfText(_ settings: TuningSettings) -> String? {
        let (isPrefix, virtual) = (settings.method.reads("prefix-init"), settings.virtual)
        let start = isPrefix ? virtual.prefixStart.rawValue : virtual.usedPromptStart.rawValue
        return start == "text" ? nil : "with \(isPrefix ? "prefix-init" : "prompt-init") \(start)"
    }
}

/// Rows that train, one for each virtual token.
///
/// Unchecked Sendable: values change only between steps.
final class VirtualRows: @unchecked Sendable {
    /// `[N, C]`
    let parameter: Parameter
    private let indices: [Int32]

    init(_ name: String, _ values: Matrix) {
        parameter = Parameter(name: name, values: values)
        indices = (0..<Int32(values.rows)).map { $0 }
    }

    var values: Matrix { parameter.values }

    func variable(on tape: Tape) -> Variable { tape.embedding([(parameter, indices)]) }
}

/// What their folders say alike.
enum VirtualTokenFolder {
    private static let tensor = "prompt_embeddings"
    /// PEFT saves these parts without the name of a module, and the head beside the model.
    private static let headPrefix = "base_model."

    /// What the configuration says of parts.
    struct Shape {
        /// N
        let count: Int
        /// Of a virtual token in keys or in the input
        let width: Int
        /// That PEFT cuts this width into
        let heads: Int
        let layers: Int
    }

    /// One tensor `prompt_embeddings` (N, columns), a row for each virtual token.
    ///
    /// - Parameters:
    ///   - rows: N rows, end to end
    ///   - more: of the configuration
    ///   - columns: of a row on a model; throws where such parts cannot be
    ///   - parts: of rows [N, columns]
    static func form<Part: ModelPart>(
        _ type: String, of kind: Part.Type, isOfPEFT: Bool = false,
        shape: @escaping @Sendable ([Part]) -> Shape,
        rows: @escaping @Sendable ([Part]) -> [Float],
        more: @escaping @Sendable (inout JSONObject, Shape) -> Void,
        columns: @escaping @Sendable (PartReader, any Backbone) throws -> Int,
        parts: @escaping @Sendable (Matrix, any Backbone) -> [Part]
    ) -> PartForm {
        PartForm(
            type: type, isOfPEFT: isOfPEFT, headPrefix: headPrefix, fits: { $0 is Part },
            tensors: { all in
                let (parts, values) = (all.compactMap { $0 as? Part }, rows(all.compactMap { $0 as? Part }))
                let count = shape(parts).count
                return [TensorToWrite(name: tensor, shape: [count, values.count / count], values: values)]
            },
            configure: { config, all in
                let shape = shape(all.compactMap { $0 as? Part })
                config["num_virtual_tokens"] = JSONValue(shape.count)
                config["token_dim"] = JSONValue(shape.width)
                config["num_attention_heads"] = JSONValue(shape.heads)
                config["num_layers"] = JSONValue(shape.layers)
                config["num_transformer_submodules"] = JSONValue(1)
                more(&config, shape)
            },
            read: { folder, backbone in
                let columns = try columns(folder, backbone)
                return parts(try Self.rows(folder, backbone, columns: columns), backbone)
            })
    }

    /// [N, columns], as the file has them.
    private static func rows(_ folder: PartReader, _ backbone: any Backbone, columns: Int) throws -> Matrix {
        let count = try folder.count("num_virtual_tokens", 1...100_000)
        guard count < backbone.sizes.positions else {
            throw folder.fault(
                "num_virtual_tokens",
                "\(count) of the model's \(backbone.sizes.positions) positions, which leaves none",
                "was the adapter trained on another base model?")
        }
        if let modules = folder.json["num_transformer_submodules"]?.int, modules != 1 {
            throw folder.fault(
                "num_transformer_submodules",
                "\(modules): virtual tokens of an encoder and a decoder are not supported",
                "use an adapter of a model that is one of both")
        }
        return try folder.tensors.matrix(tensor, [count, columns])
    }
}

extension MethodStart {
    /// Tokens of the text that the settings name, or of what training rows begin with, repeated or cut to as many as are wanted.
    func startingTokens(_ count: Int) throws -> [Int32] {
        let text = settings.virtual.text
        let found = try readTokens(text, count)
        guard !found.isEmpty else {
            throw AdapterError(
                description: text == nil
                    ? "the training rows have no tokens to start virtual tokens from; give \(SettingName.promptText)"
                    : "\(SettingName.promptText) has no tokens; give another text")
        }
        return (0..<count).map { found[$0 % found.count] }
    }

    /// Throws where virtual tokens leave no position to a token.
    func checkVirtualTokens(_ count: Int) throws {
        guard backbone.imageInput == nil else {
            throw AdapterError(
                description:
                    "\(SettingName.method) \(settings.method.name) trains what stands before the words of a text, and this model reads "
                    + "images; use \(SettingName.method) \(FineTuningMethod.withAdapters)")
        }
        let positions = backbone.sizes.positions
        guard count < positions else {
            throw AdapterError(
                description:
                    "\(SettingName.virtualTokens) \(count) takes all \(positions) positions of the model; use fewer"
            )
        }
    }

    /// Of one virtual token's rows.
    func stream(_ purpose: String, _ indices: [Int] = []) -> RandomStream {
        RandomStream(seed: seed, purpose: "virtual tokens: \(purpose)", indices: indices)
    }
}
